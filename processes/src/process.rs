//! What a process is: the events it reacts to, and how.

use std::sync::Arc;

use async_trait::async_trait;
use eventstore::{Log, RecordedEvent};
use retrieval::TextModel;

use crate::assistant::Assistant;
use crate::cause::Cause;
use crate::chat::ChatModel;
use crate::completion::Completions;
use crate::export::Exports;
use crate::extraction::Extractor;
use crate::failure::Failure;
use crate::fulfilment::OrderFulfilment;
use crate::notification::{HttpSms, Mailer, Notifications};
use crate::payment::{NoPaymentNeeded, PaymentProvider};
use crate::publication::CoursePublication;
use crate::reading::Reading;
use crate::vectors::Vectors;

/// Who does for us what is done outside. By default nobody does, and nobody has to.
#[derive(Clone)]
pub struct Providers {
    pub payment: Arc<dyn PaymentProvider>,
    pub mailer: Option<Mailer>,
    pub sms: Option<Arc<HttpSms>>,
    /// A page on which people choose a new password; letters put their token at its end.
    pub password_page: Option<String>,
    /// What knows the meaning of texts.
    pub text_model: TextModel,
    /// Where the nearest texts are looked for.
    pub vectors: Vectors,
    /// Who answers questions in words of its own; without one, answers are quotations.
    pub chat_model: Option<Arc<ChatModel>>,
    /// Whether it may add a sentence to letters.
    pub writes_letters: bool,
    /// What reads attached files; without it a course with any is not published.
    pub extractor: Option<Extractor>,
}

impl Default for Providers {
    fn default() -> Self {
        let payment = Arc::new(NoPaymentNeeded);
        let text_model = TextModel::off("there is none by default");
        Self {
            payment,
            mailer: None,
            sms: None,
            password_page: None,
            text_model,
            vectors: Vectors::Memory,
            chat_model: None,
            writes_letters: false,
            extractor: None,
        }
    }
}

#[async_trait]
pub(crate) trait Process: Send + Sync {
    /// Its checkpoint, its turn and the ids of its commands hang on it: it never changes.
    fn name(&self) -> &'static str;

    /// Whether something follows from an event. The event's stream is the instance.
    fn reacts_to(&self, event: &RecordedEvent) -> bool;

    /// Does what follows from an event. Can be repeated, from the start, any number of times.
    async fn react(&self, log: &Log, cause: &Cause) -> Result<(), Failure>;
}

/// Every process there is; nobody is written to without a way to.
pub(crate) fn all(providers: Providers, reading: Arc<Reading>) -> Vec<Arc<dyn Process>> {
    let Providers { payment, mailer, sms, password_page, text_model, chat_model, .. } = providers;
    let writer = chat_model.clone().filter(|_| providers.writes_letters);
    let mut all: Vec<Arc<dyn Process>> = vec![
        Arc::new(OrderFulfilment::new(payment)),
        Arc::new(CoursePublication::by(reading)),
        Arc::new(Completions),
        Arc::new(Exports),
        Arc::new(Assistant::new(text_model, chat_model)),
    ];
    let notifications = Notifications::by(mailer, sms, password_page, writer);
    all.extend(notifications.map(|process| Arc::new(process) as Arc<dyn Process>));
    all
}
