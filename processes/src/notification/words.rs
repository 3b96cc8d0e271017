//! The words of a message, from a template for its kind in the recipient's language.
//!
//! A template is a text file: the first line is the subject, the text begins after an empty line.
//! Those of SMS are a text without a subject.

use domain::account::{Channel, ResetToken};
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

const TEMPLATES: [(&str, &str); 50] = templates![
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
    "en/password_reset",
    "en/export_ready",
    "en/email_changed",
    "en/session_ended",
    "en/sms/welcome",
    "en/sms/enrolled",
    "en/sms/course_completed",
    "en/sms/order_confirmed",
    "en/sms/order_rejected",
    "en/sms/order_shipped",
    "en/sms/order_cancelled",
    "en/sms/stock_ran_low",
    "en/sms/course_published",
    "en/sms/publication_failed",
    "en/sms/export_ready",
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
    "de/password_reset",
    "de/export_ready",
    "de/email_changed",
    "de/session_ended",
    "de/sms/welcome",
    "de/sms/enrolled",
    "de/sms/course_completed",
    "de/sms/order_confirmed",
    "de/sms/order_rejected",
    "de/sms/order_shipped",
    "de/sms/order_cancelled",
    "de/sms/stock_ran_low",
    "de/sms/course_published",
    "de/sms/publication_failed",
    "de/sms/export_ready",
];

#[derive(Debug, PartialEq)]
pub(crate) struct Words {
    /// Empty where there is none to show.
    pub(super) subject: String,
    pub(super) text: String,
}

impl Words {
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    /// With a last sentence, if there is one.
    pub(crate) fn closed(self, closing: Option<&str>) -> Self {
        match closing {
            Some(sentence) => Self { text: format!("{}\n{sentence}\n", self.text), ..self },
            None => self,
        }
    }
}

#[cfg(test)]
impl Words {
    pub(crate) fn new(subject: &str, text: &str) -> Self {
        Self { subject: subject.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// What a template may speak of.
#[derive(Debug, Default)]
struct Values<'a> {
    name: &'a str,
    thing: &'a str,
    /// A certificate, or why something was not to be.
    detail: &'a str,
    /// Where to go, if there is a page for it.
    link: Option<&'a str>,
}

pub(super) async fn of(
    log: &Log,
    password_page: Option<&str>,
    recipient: &Recipient,
    message: &Message,
    channel: Channel,
) -> Result<Words, Failure> {
    let thing = match message {
        Message::Welcome | Message::EmailChanged | Message::SessionEnded => String::new(),
        Message::Enrolled { course }
        | Message::CourseCompleted { course, .. }
        | Message::CoursePublished { course }
        | Message::PublicationFailed { course, .. } => things::course_title(log, *course).await?,
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
    let detail = match message {
        Message::CourseCompleted { certificate, .. } => certificate.to_string(),
        Message::PublicationFailed { reason, .. } => reason.as_str().to_owned(),
        Message::OrderRejected { order, .. } => things::rejection(log, *order).await?.to_owned(),
        _ => String::new(),
    };
    let link = match (message, password_page) {
        (Message::PasswordReset { .. }, Some(page)) => Some(format!("{page}{thing}")),
        _ => None,
    };
    let values =
        Values { name: &recipient.name, thing: &thing, detail: &detail, link: link.as_deref() };
    let language = language_of(recipient.language.as_deref());
    match channel {
        Channel::Email => letter(&format!("{language}/{}", message.kind()), &values),
        Channel::Sms => {
            let text = render(&format!("{language}/sms/{}", message.kind()), &values)?;
            Ok(Words { subject: String::new(), text })
        }
    }
}

/// `de-at` is answered in `de`.
fn language_of(wanted: Option<&str>) -> &'static str {
    let primary = wanted.and_then(|tag| tag.split('-').next());
    let known = LANGUAGES.iter().find(|language| Some(**language) == primary);
    known.copied().unwrap_or(LANGUAGES[0])
}

fn letter(wanted: &str, values: &Values<'_>) -> Result<Words, Failure> {
    let text = render(wanted, values)?;
    let (subject, text) = text
        .split_once("\n\n")
        .ok_or_else(|| Failure::lasting(format!("template {wanted} has no subject")))?;
    Ok(Words { subject: subject.trim().to_owned(), text: format!("{}\n", text.trim()) })
}

fn render(wanted: &str, values: &Values<'_>) -> Result<String, Failure> {
    let template = TEMPLATES.iter().find(|(name, _)| *name == wanted);
    let (_, template) =
        template.ok_or_else(|| Failure::lasting(format!("there is no template {wanted}")))?;
    let Values { name, thing, detail, link } = *values;
    let values = context! { name, thing, detail, link };
    Environment::new().render_str(template, values).map_err(Failure::lasting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_words_in_every_language_and_for_every_channel() {
        for (name, _) in TEMPLATES {
            let (_, kind) = name.split_once('/').expect("a language and a kind");
            let (name_of, thing) = ("Ada <b>", "a {{ name }}");
            let values = Values { name: name_of, thing, detail: "c-1", link: None };
            let text = match kind.strip_prefix("sms/") {
                Some(_) => render(name, &values).expect("it renders"),
                None => {
                    let words = letter(name, &values).expect("it renders");
                    assert!(!words.subject.is_empty() && !words.subject.contains('\n'), "{name}");
                    assert!(words.text.contains("Ada <b>"), "{name}: {}", words.text);
                    words.text
                }
            };
            assert!(!text.trim().is_empty() && !text.contains("a Ada"), "{name}: {text}");
        }
        let kinds = |language: &str| -> Vec<&str> {
            let of = |(name, _): &(&'static str, &str)| name.strip_prefix(language);
            TEMPLATES.iter().filter_map(of).collect()
        };
        assert_eq!(kinds("en"), kinds("de"));
    }

    #[test]
    fn a_letter_about_a_password_names_the_page_for_it_if_there_is_one() {
        for kind in ["en/password_reset", "de/password_reset"] {
            let of = |link| {
                let values = Values { name: "Ada", thing: "dbp_1", link, ..Values::default() };
                letter(kind, &values).expect("it renders").text
            };
            let page = "https://shop.example/reset#dbp_1";
            assert!(of(Some(page)).contains(page));
            assert!(of(None).contains("/api/v1/accounts/password-resets/dbp_1"));
        }
    }

    #[test]
    fn who_is_rejected_reads_why() {
        for kind in ["en/order_rejected", "en/sms/order_rejected"] {
            let why = |detail| {
                let values = Values { name: "Ada", thing: "ORD-1", detail, ..Values::default() };
                render(kind, &values).expect("it renders")
            };
            assert!(why("out-of-stock").contains("in stock"), "{kind}");
            assert!(why("payment-declined").contains("declined"), "{kind}");
            assert!(why("payment-unavailable").contains("could not be taken"), "{kind}");
        }
    }

    #[test]
    fn a_language_that_we_do_not_have_is_english() {
        assert_eq!(language_of(Some("de-at")), "de");
        assert_eq!(language_of(Some("fr")), "en");
        assert_eq!(language_of(None), "en");
    }
}
