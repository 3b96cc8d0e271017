//! What earlier imports have said of each book, by the ids of their commands.
//!
//! An id follows from what is said, so that a second import changes nothing and an opinion changed in
//! Daybook since stays. But an opinion may come back, four stars after five after four: then it is said
//! anew, under an id with a number behind it.

use std::collections::HashMap;

use domain::AccountId;
use sqlx::PgPool;

/// Under what is spoken of, the ids, oldest first.
#[derive(Debug, Default)]
pub struct Said(HashMap<String, Vec<String>>);

impl Said {
    pub async fn read(pool: &PgPool, caller: &str, by: AccountId) -> Result<Self, sqlx::Error> {
        let mut said = Self::default();
        for what in ["rating", "comment"] {
            let ids: Vec<String> = sqlx::query_scalar(
                "select key from eventstore.commands
                 where caller = $1 and key > $2 || ':' and key < $2 || ';'
                 order by recorded_at, position",
            )
            .bind(caller)
            .bind(format!("{what}:{by}"))
            .fetch_all(pool)
            .await?;
            ids.into_iter().for_each(|id| said.add(id));
        }
        Ok(said)
    }

    pub(super) fn add(&mut self, id: String) {
        self.0.entry(parts(&id).0.to_owned()).or_default().push(id);
    }

    /// The id of a command that would be called `id` had nothing been said before.
    pub fn next(&self, id: String) -> String {
        let (of, says, _) = parts(&id);
        let before = self.0.get(of).map_or(&[][..], Vec::as_slice);
        match before.last() {
            Some(last) if parts(last).1 == says => last.clone(),
            Some(_) if before.iter().any(|id| parts(id).1 == says) => {
                let highest = before.iter().map(|id| parts(id).2).max().unwrap_or_default();
                format!("{id}.{}", highest + 1)
            }
            _ => id,
        }
    }
}

/// What is spoken of, what is said, and the number.
fn parts(id: &str) -> (&str, &str, u64) {
    let (of, says) = id.split_once('#').unwrap_or((id, ""));
    match says.split_once('.') {
        Some((says, number)) => (of, says, number.parse().unwrap_or_default()),
        None => (of, says, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_last_is_not_said_again_and_what_comes_back_is() {
        let mut said = Said::default();
        let mut say = |stars: &str| {
            let id = said.next(format!("rating:ada:7#{stars}"));
            let is_new = !said.0.values().flatten().any(|old| *old == id);
            if is_new {
                said.add(id);
            }
            is_new
        };
        let opinions = ["4", "4", "5", "4", "4", "5", "5", "4", "3"];
        let told = opinions.map(&mut say);
        assert_eq!(told, [true, false, true, true, false, true, false, true, true]);
        assert_eq!(Said::default().next("rating:ada:7#4".to_owned()), "rating:ada:7#4");
    }
}
