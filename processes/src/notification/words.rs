//! The words of a message, from a template for its kind in the recipient's language.
//!
//! A template is a text file: the first line is the subject, the text begins after an empty line.

use domain::notification::Message;
use eventstore::Log;
use minijinja::{Environment, context};

use super::recipient::Recipient;
use super::things;
use crate::failure::Failure;

/// The first one is for whoever has chosen none, or one that we do not have.
const LANGUAGES: [&str; 2] = ["en", "de"];

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/", $name, ".txt")))),+]
    };
}

const TEMPLATES: [(&str, &str); 20] = templates![
    "en/welcome",
    "en/enrolled",
    "en/course_completed",
    "en/order_confirmed",
    "en/order_rejected",
    "en/order_shipped",
    "en/order_cancelled",
    "en/stock_ran_low",
    "en/course_published",
    "en/publication_failed",
    "de/welcome",
    "de/enrolled",
    "de/course_completed",
    "de/order_confirmed",
    "de/order_rejected",
    "de/order_shipped",
    "de/order_cancelled",
    "de/stock_ran_low",
    "de/course_published",
    "de/publication_failed",
];

#[derive(Debug, PartialEq)]
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) text: String,
}

pub(super) async fn of(
    log: &Log,
    recipient: &Recipient,
    message: &Message,
) -> Result<Words, Failure> {
    let thing = match message {
        Message::Welcome => String::new(),
        Message::Enrolled { course }
        | Message::CourseCompleted { course, .. }
        | Message::CoursePublished { course }
        | Message::PublicationFailed { course, .. } => things::course_title(log, *course).await?,
        Message::OrderConfirmed { number, .. }
        | Message::OrderRejected { number, .. }
        | Message::OrderShipped { number, .. }
        | Message::OrderCancelled { number, .. } => number.to_string(),
        Message::StockRanLow { product } => things::product_name(log, *product).await?,
    };
    let detail = match message {
        Message::CourseCompleted { certificate, .. } => certificate.to_string(),
        Message::PublicationFailed { reason, .. } => reason.as_str().to_owned(),
        _ => String::new(),
    };
    let language = language_of(recipient.language.as_deref());
    render(language, message.kind(), &recipient.name, &thing, &detail)
}

/// `de-at` is answered in `de`.
fn language_of(wanted: Option<&str>) -> &'static str {
    let primary = wanted.and_then(|tag| tag.split('-').next());
    let known = LANGUAGES.iter().find(|language| Some(**language) == primary);
    known.copied().unwrap_or(LANGUAGES[0])
}

fn render(
    language: &str,
    kind: &str,
    name: &str,
    thing: &str,
    detail: &str,
) -> Result<Words, Failure> {
    let wanted = format!("{language}/{kind}");
    let template = TEMPLATES.iter().find(|(name, _)| *name == wanted);
    let (_, template) =
        template.ok_or_else(|| Failure::lasting(format!("there is no template {wanted}")))?;
    let values = context! { name, thing, detail };
    let text = Environment::new().render_str(template, values).map_err(Failure::lasting)?;
    let (subject, text) = text
        .split_once("\n\n")
        .ok_or_else(|| Failure::lasting(format!("template {wanted} has no subject")))?;
    Ok(Words { subject: subject.trim().to_owned(), text: format!("{}\n", text.trim()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_words_in_every_language() {
        for (name, _) in TEMPLATES {
            let (language, kind) = name.split_once('/').expect("a language and a kind");
            let words =
                render(language, kind, "Ada <b>", "a {{ name }}", "c-1").expect("it renders");
            assert!(!words.subject.is_empty() && !words.subject.contains('\n'), "{name}");
            assert!(words.text.contains("Ada <b>"), "{name}: {}", words.text);
            assert!(!words.text.contains("a Ada"), "values are no templates: {}", words.text);
        }
        let kinds = |language: &str| -> Vec<&str> {
            let of = |(name, _): &(&'static str, &str)| name.strip_prefix(language);
            TEMPLATES.iter().filter_map(of).collect()
        };
        assert_eq!(kinds("en"), kinds("de"));
    }

    #[test]
    fn a_language_that_we_do_not_have_is_english() {
        assert_eq!(language_of(Some("de-at")), "de");
        assert_eq!(language_of(Some("fr")), "en");
        assert_eq!(language_of(None), "en");
    }
}
