//! What to look at first: addresses and curl lines that work as they stand.

use std::fmt;

use domain::BookId;
use serde_json::Value;

use super::PASSWORD;
use crate::cli::import::report::Report;

/// What the demo has made, and how to look at it.
#[derive(Debug)]
pub struct DemoSummary {
    /// How many of what: made now, and there before.
    counts: Vec<(String, u64)>,
    people: Vec<(&'static str, String)>,
    book: BookId,
}

impl DemoSummary {
    pub(super) fn new(
        report: &Report,
        people: impl Iterator<Item = (&'static str, String)>,
        book: BookId,
    ) -> Self {
        let report = report.json();
        let number = |of: &Value, key: &str| of[key].as_u64().unwrap_or(0);
        let counts = report["prepared"].as_object().into_iter().flatten();
        let counts = counts.map(|(noun, of)| {
            let there = ["made", "already_there", "nothing_changed"].map(|key| number(of, key));
            (noun.clone(), there.into_iter().sum())
        });
        Self { counts: counts.collect(), people: people.collect(), book }
    }

    /// Lines for a client, a dashboard and an auditor of the system at `address`, such as
    /// `http://127.0.0.1:8000`.
    pub fn tour(&self, address: &str) -> String {
        let api = format!("{address}/api/v1");
        let book = self.book;
        let log_in = |name: &str| {
            let body = format!(r#"{{"email":"{name}@daybook.example","password":"{PASSWORD}"}}"#);
            format!(
                "TOKEN=$(curl -s {api}/sessions -H 'Content-Type: application/json' \
                 -d '{body}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
            )
        };
        let get = |path: &str| format!("curl -s '{api}{path}' -H \"Authorization: Bearer $TOKEN\"");
        let rate = format!(
            "curl -s -X PUT {api}/books/{book}/rating -H \"Authorization: Bearer $TOKEN\" \
             -H 'Content-Type: application/json' -d '{{\"score\":9}}'"
        );
        [
            "# For anybody".to_owned(),
            format!("curl -s '{api}/search?q=whale'"),
            format!("curl -s '{api}/search/suggest?q=something+warm+under+50+pounds'"),
            format!("curl -s '{api}/top?kind=book&period=month'"),
            format!("curl -s {api}/books/{book}/similar"),
            format!("curl -s {api}/books/{book}/ratings"),
            format!("curl -s {api}/books/{book}/comments"),
            "\n# As a client: log in, rate a book, ask what to read next and what others do"
                .to_owned(),
            log_in("member"),
            rate,
            get("/recommendations"),
            get("/accounts/me/loans"),
            get("/accounts/me/feed"),
            get("/cart"),
            get("/conversations"),
            "\n# As a dashboard".to_owned(),
            log_in("analyst"),
            get("/analytics/summary"),
            get("/analytics/revenue?by=week"),
            "\n# As an auditor".to_owned(),
            log_in("auditor"),
            get("/audit/events?limit=5"),
            get("/audit/verify?from=1&to=1000"),
            "\n# As an operator, who is made from the command line".to_owned(),
            format!(
                "printf {PASSWORD} | daybook account create --email operator@daybook.example \
                 --role operator --password-stdin"
            ),
            log_in("operator"),
            get("/operations/projections"),
        ]
        .join("\n")
    }
}

impl fmt::Display for DemoSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts.iter().map(|(noun, count)| format!("{count} {noun}"));
        writeln!(f, "Demo data: {}.", counts.collect::<Vec<_>>().join(", "))?;
        writeln!(f, "Log in with the password {PASSWORD} as")?;
        for (name, email) in &self.people {
            writeln!(f, "  {email:32} {name}")?;
        }
        Ok(())
    }
}
