//! A certificate for the wall: one sheet of A4 across. No scripts, nothing from elsewhere.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use service_kit::Problem;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::page::Sheet;

const STYLE: &str = include_str!("page.css");

/// What the JSON answer says, personal values opened.
#[derive(Deserialize)]
struct Shown {
    id: Uuid,
    student_name: Option<String>,
    course_title: Option<String>,
    issued_at: DateTime<Utc>,
}

/// How the JSON answer is shown to people.
pub(super) const SHEET: Sheet = Sheet { render, policy };

/// Nothing is loaded, run, sent or framed; one style sheet applies, and it must be ours.
fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::try_from(policy).expect("a policy is plain ASCII")
    });
    POLICY.clone()
}

fn render(json: &str) -> Result<String, Problem> {
    let shown: Shown = serde_json::from_str(json).map_err(Problem::internal)?;
    let name = match &shown.student_name {
        Some(name) => format!("<p class=\"name\">{}</p>", escaped(name)),
        None => "<p class=\"erased\">A student whose name has been erased</p>".to_owned(),
    };
    let course = escaped(shown.course_title.as_deref().unwrap_or("A course"));
    let (id, day) = (shown.id, shown.issued_at.format("%-d %B %Y"));
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Certificate {id}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <section>\n<h1>Certificate of completion</h1>\n{name}\n<p>has completed the course</p>\n\
         <p class=\"course\">{course}</p>\n<p>{day}</p>\n\
         <footer>Certificate <code>{id}</code><br>\
         Anybody can check it: <code>/api/v1/certificates/{id}</code></footer>\n\
         </section>\n</main>\n</body>\n</html>\n"
    ))
}

/// As text between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::{Value, json};

    use super::*;

    fn page(name: Value) -> String {
        let certificate = json!({
            "id": Uuid::nil(), "student_name": name, "course": Uuid::nil(),
            "course_title": "Rust & <events>", "issued_at": "2026-03-01T12:00:00Z",
        });
        render(&certificate.to_string()).unwrap()
    }

    #[test]
    fn names_are_text_whatever_they_hold() {
        let page = page(json!("<script>alert(\"1\")</script>"));
        assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"), "{page}");
        assert!(page.contains("Rust &amp; &lt;events&gt;") && page.contains("1 March 2026"));
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn an_erased_student_keeps_the_certificate_without_the_name() {
        assert!(page(Value::Null).contains("A student whose name has been erased"));
    }

    #[test]
    fn the_policy_allows_our_style_sheet_and_nothing_else() {
        let policy = policy();
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        let page = page(Value::Null);
        let (_, rest) = page.split_once("<style>").unwrap();
        let style = rest.split_once("</style>").unwrap().0;
        let hash = BASE64_STANDARD.encode(Sha256::digest(style));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
    }
}
