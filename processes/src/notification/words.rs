//! The words of a message, from a template for its kind in the recipient's language.
//!
//! A template is a text file: the first line is the subject, the text begins after an empty line.

use domain::account::ResetToken;
use domain::notification::Message;
use eventstore::Log;
use minijinja::{Environment, context};

use super::Mail;
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
    "en/password_reset",
    "en/export_ready",
    "de/welcome",
    "de/enrolled",
    "de/course_completed",
    "de/order_confirmed",
    "de/order_rejected",
    "de/order_shipped",
    "de/order_cancelled",
    "de/stock_ran_low",
    "de/password_reset",
    "de/export_ready",
];

#[derive(Debug, PartialEq)]
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) text: String,
}

/// What a template may speak of.
#[derive(Debug, Default)]
struct Values<'a> {
    name: &'a str,
    thing: &'a str,
    certificate: &'a str,
    /// Where to go, if there is a page for it.
    link: Option<&'a str>,
}

pub(super) async fn of(
    log: &Log,
    mail: &Mail,
    recipient: &Recipient,
    message: &Message,
) -> Result<Words, Failure> {
    let thing = match message {
        Message::Welcome => String::new(),
        Message::Enrolled { course } | Message::CourseCompleted { course, .. } => {
            things::course_title(log, *course).await?
        }
        Message::OrderConfirmed { number, .. }
        | Message::OrderRejected { number, .. }
        | Message::OrderShipped { number, .. }
        | Message::OrderCancelled { number, .. } => number.to_string(),
        Message::StockRanLow { product } => things::product_name(log, *product).await?,
        Message::ExportReady { export } => export.to_string(),
        Message::PasswordReset { reset } => {
            let account = recipient.account;
            let proves = ResetToken::proves(account, *reset);
            let proof = log.personal().lookup_hash(ResetToken::KIND, &proves);
            ResetToken { account, reset: *reset, proof }.to_string()
        }
    };
    let certificate = match message {
        Message::CourseCompleted { certificate, .. } => certificate.to_string(),
        _ => String::new(),
    };
    let link = match (message, &mail.password_page) {
        (Message::PasswordReset { .. }, Some(page)) => Some(format!("{page}{thing}")),
        _ => None,
    };
    let values = Values {
        name: &recipient.name,
        thing: &thing,
        certificate: &certificate,
        link: link.as_deref(),
    };
    render(language_of(recipient.language.as_deref()), message.kind(), &values)
}

/// `de-at` is answered in `de`.
fn language_of(wanted: Option<&str>) -> &'static str {
    let primary = wanted.and_then(|tag| tag.split('-').next());
    let known = LANGUAGES.iter().find(|language| Some(**language) == primary);
    known.copied().unwrap_or(LANGUAGES[0])
}

fn render(language: &str, kind: &str, values: &Values<'_>) -> Result<Words, Failure> {
    let wanted = format!("{language}/{kind}");
    let template = TEMPLATES.iter().find(|(name, _)| *name == wanted);
    let (_, template) =
        template.ok_or_else(|| Failure::lasting(format!("there is no template {wanted}")))?;
    let Values { name, thing, certificate, link } = *values;
    let values = context! { name, thing, certificate, link };
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
            let (name_of, thing) = ("Ada <b>", "a {{ name }}");
            let values = Values { name: name_of, thing, certificate: "c-1", link: None };
            let words = render(language, kind, &values).expect("it renders");
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
    fn a_letter_about_a_password_names_the_page_for_it_if_there_is_one() {
        for language in LANGUAGES {
            let of = |link| {
                let values = Values { name: "Ada", thing: "dbp_1", link, ..Values::default() };
                render(language, "password_reset", &values).expect("it renders").text
            };
            let page = "https://shop.example/reset#dbp_1";
            assert!(of(Some(page)).contains(page));
            assert!(of(None).contains("/api/v1/accounts/password-resets/dbp_1"));
        }
    }

    #[test]
    fn a_language_that_we_do_not_have_is_english() {
        assert_eq!(language_of(Some("de-at")), "de");
        assert_eq!(language_of(Some("fr")), "en");
        assert_eq!(language_of(None), "en");
    }
}
