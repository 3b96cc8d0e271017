//! Where rows come from, and the ids that follow from it.

use anyhow::bail;
use domain::{AccountId, Email, Name};
use uuid::Uuid;

/// `Uuid::new_v5(&Uuid::NAMESPACE_URL, b"https://daybook.invalid/import")`, written down because it
/// must never change: every imported id comes from it.
const NAMESPACE: Uuid = Uuid::from_u128(0xb51c_95a0_bd8f_5fce_b250_30c7_85a3_be36);

/// A data set, such as `goodbooks`. The same natural key under another source is another thing.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    namespace: Uuid,
}

impl Source {
    /// # Errors
    /// When the name could not be part of a host name.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let name = name.to_lowercase();
        let sound = (1..=40).contains(&name.len())
            && !name.starts_with('-')
            && !name.ends_with('-')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !sound {
            bail!("a source is named with 1 to 40 letters, digits and hyphens, not '{name}'");
        }
        let namespace = Uuid::new_v5(&NAMESPACE, name.as_bytes());
        Ok(Self { name, namespace })
    }

    /// The nearest sound name, as a default for files in a folder of that name.
    pub fn named_like(text: &str) -> anyhow::Result<Self> {
        let name: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .take(40)
            .collect();
        match name.trim_matches('-') {
            "" => Self::new("files"),
            name => Self::new(name),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose commands these are, in the log.
    pub fn caller(&self) -> String {
        format!("import:{}", self.name)
    }

    /// The id of the `kind` of thing that the source calls `key`. A UUID is taken as it is, so that
    /// files can speak of what is in the system already.
    pub fn id<Id: From<Uuid>>(&self, kind: &str, key: &str) -> Id {
        let own = || Uuid::new_v5(&self.namespace, format!("{kind}\u{0}{key}").as_bytes());
        Id::from(existing(key).unwrap_or_else(own))
    }

    pub fn account(&self, key: &str) -> AccountId {
        self.id("account", key)
    }

    /// A command id: readable, and another one when the text of the row is another one.
    pub fn command_id(&self, row: &str, text: &str) -> String {
        let digest = Uuid::new_v5(&self.namespace, text.as_bytes());
        let (high, _) = digest.as_u64_pair();
        format!("{row}#{high:016x}")
    }

    /// An address that no mail reaches, under a name reserved for that (RFC 2606).
    pub fn email(&self, account: AccountId, role: &str, key: &str) -> Email {
        let plain =
            key.len() <= 40 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let local = if plain {
            format!("{role}-{key}").trim_matches('-').to_lowercase()
        } else {
            format!("{role}-{}", account.uuid().simple())
        };
        format!("{local}@{}.invalid", self.name)
            .parse()
            .expect("local part and host are letters, digits and inner hyphens")
    }

    /// What people see of an account nobody has named.
    pub fn display_name(role: &str, key: &str) -> Name {
        let name = format!("{role} {key}").parse().or_else(|_| role.parse());
        name.expect("the word for a role is a name")
    }
}

/// The UUID that `key` is, written with hyphens.
pub fn existing(key: &str) -> Option<Uuid> {
    (key.len() == 36).then(|| Uuid::try_parse(key).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn ids_follow_from_source_kind_and_key_alone() {
        let (one, other) = (Source::new("one").unwrap(), Source::new("other").unwrap());
        let id = |source: &Source, kind, key| source.id::<Uuid>(kind, key);
        assert_eq!(id(&one, "book", "7"), id(&Source::new("ONE").unwrap(), "book", "7"));
        assert_ne!(id(&one, "book", "7"), id(&one, "order", "7"));
        assert_ne!(id(&one, "book", "7"), id(&other, "book", "7"));
    }

    #[test]
    fn a_uuid_names_what_exists() {
        let source = Source::new("mine").unwrap();
        let key = "7d444840-9dc0-11d1-b245-5ffdce74fad2";
        assert_eq!(source.id::<Uuid>("book", key).to_string(), key);
    }

    #[test]
    fn a_corrected_row_is_another_command() {
        let source = Source::new("mine").unwrap();
        let id = source.command_id("ratings:7", "1,2,3");
        assert_eq!(id, source.command_id("ratings:7", "1,2,3"));
        assert_ne!(id, source.command_id("ratings:7", "1,2,4"));
        assert!(id.starts_with("ratings:7#") && id.len() == 26, "{id}");
    }

    #[test]
    fn every_key_gives_an_address() {
        let source = Source::new("mine").unwrap();
        for key in ["17850", "", "-x-", "Ада Лавлейс", &"x".repeat(300)] {
            let account = source.account(key);
            let email = source.email(account, "reader", key);
            assert!(email.as_str().ends_with("@mine.invalid"));
            Source::display_name("Reader", key);
        }
    }

    #[test]
    fn a_folder_lends_its_name() {
        for (folder, name) in
            [("douban-book", "douban-book"), ("My Data_2", "my-data-2"), ("..", "files")]
        {
            assert_eq!(Source::named_like(folder).unwrap().name(), name);
        }
    }
}
