//! What a process is: the events it reacts to, and how.

use std::sync::Arc;

use async_trait::async_trait;
use eventstore::{Log, RecordedEvent};
use retrieval::TextModel;

use crate::cause::Cause;
use crate::export::Exports;
use crate::failure::Failure;
use crate::fulfilment::OrderFulfilment;
use crate::notification::{HttpSms, Mailer, Notifications};
use crate::payment::{NoPaymentNeeded, PaymentProvider};
use crate::publication::CoursePublication;

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
}

impl Default for Providers {
    fn default() -> Self {
        let payment = Arc::new(NoPaymentNeeded);
        let text_model = TextModel::off("there is none by default");
        Self { payment, mailer: None, sms: None, password_page: None, text_model }
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
pub(crate) fn all(providers: Providers) -> Vec<Arc<dyn Process>> {
    let Providers { payment, mailer, sms, password_page, text_model: _ } = providers;
    let mut all: Vec<Arc<dyn Process>> = vec![
        Arc::new(OrderFulfilment::new(payment)),
        Arc::new(CoursePublication),
        Arc::new(Exports),
    ];
    let notifications = Notifications::by(mailer, sms, password_page);
    all.extend(notifications.map(|process| Arc::new(process) as Arc<dyn Process>));
    all
}
