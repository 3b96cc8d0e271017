//! E-mail addresses.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An address that could receive mail: one `@`, something before it, a domain with a dot after it.
///
/// Whether it really does is known only once a message arrived, so this refuses no more than what
/// no server would accept (RFC 5321: 64 bytes before the `@`, 254 in all).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an e-mail address")]
pub struct EmailError;

impl Email {
    const BYTES_MAX: usize = 254;
    const LOCAL_BYTES_MAX: usize = 64;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text under which an address is unique: upper and lower case are the same person.
    pub fn lookup(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let fits = text.len() <= Self::BYTES_MAX && local.len() <= Self::LOCAL_BYTES_MAX;
        let local_is_sound = !local.is_empty()
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
        let domain_is_sound = domain.contains('.') && domain.split('.').all(label);
        if fits && local_is_sound && domain_is_sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(EmailError)
        }
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_found_whatever_its_case() -> Result<(), EmailError> {
        let email: Email = "  Ada.Lovelace@Example.org ".parse()?;
        assert_eq!(email.as_str(), "Ada.Lovelace@Example.org");
        assert_eq!(email.lookup(), "ada.lovelace@example.org");
        Ok(())
    }

    #[test]
    fn what_no_server_would_accept_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "ada",
            "ada@",
            "@example.org",
            "ada@localhost",
            "a b@example.org",
            "a@b@c.org",
            "ada@-x.org",
            ".ada@example.org",
            "ada@example..org",
            "a\u{0}@example.org",
            &long,
        ] {
            assert_eq!(text.parse::<Email>(), Err(EmailError), "{text:?}");
        }
    }
}
