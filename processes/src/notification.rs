//! Notifications: tells people by e-mail and SMS what happened to them.
//!
//! Requested, sent and failed are events, so that a crash repeats at most the sending itself; the
//! Message-ID or the Idempotency-Key is the same then, by which servers know a repetition. A server
//! that cannot be reached is tried again after 1, 2, 4 and 8 s; then, or when it says that it never
//! will, the notification is given up with the last error. An operator can have it retried.

mod carrier;
mod closing;
mod mailer;
mod recipient;
mod sms;
pub(crate) mod things;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use domain::account::{Account, Channel};
use domain::course::Course;
use domain::enrollment::{Enrollment, EnrollmentId};
use domain::export::PersonalExport;
use domain::notification::{Command, Event, Message, Notification, NotificationId, Status};
use domain::order::Order;
use domain::stock::Stock;
use domain::{
    AccountId, CertificateId, CourseId, ErrorText, ExportId, OrderId, PasswordResetId, ProductId,
};
use eventstore::{Log, RecordedEvent};
use serde::Deserialize;

use crate::cause::Cause;
use crate::chat::ChatModel;
use crate::failure::{Failure, answer};
use crate::process::Process;
use crate::retry::{RETRIES, wait_until};
use carrier::{Carrier, NotCarried};
pub use mailer::{Letter, MailError, Mailer};
use recipient::Recipient;
pub use sms::HttpSms;
#[cfg(test)]
pub(crate) use {closing::closing, words::Words};

/// People told of one event at most.
const RECIPIENTS_MAX: i64 = 100;

pub(crate) struct Notifications {
    carriers: Vec<Arc<dyn Carrier>>,
    /// A page on which people choose a new password; their token goes to its end.
    password_page: Option<String>,
    /// Adds a sentence to good news.
    writer: Option<Arc<ChatModel>>,
}

/// What somebody is told of.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Cue {
    AccountRegistered { account: AccountId },
    StudentEnrolled { enrollment: EnrollmentId },
    CourseCompleted { enrollment: EnrollmentId, certificate: CertificateId },
    OrderConfirmed { order: OrderId, customer: AccountId },
    OrderRejected { order: OrderId, customer: AccountId },
    OrderShipped { order: OrderId, customer: AccountId },
    OrderCancelled { order: OrderId, customer: AccountId },
    StockRanLow { product: ProductId },
    CoursePublished { course: CourseId, instructor: AccountId },
    PublicationFailed { course: CourseId, instructor: AccountId, reason: ErrorText },
    PasswordResetRequested { account: AccountId, reset: PasswordResetId },
    EmailChanged { account: AccountId },
    RefreshReuseDetected { account: AccountId },
    ExportCompleted { account: AccountId, export: ExportId },
    NotificationRetried { notification: NotificationId },
}

const CUES: [(&str, &str); 15] = [
    (Account::TYPE, "AccountRegistered"),
    (Enrollment::TYPE, "StudentEnrolled"),
    (Enrollment::TYPE, "CourseCompleted"),
    (Order::TYPE, "OrderConfirmed"),
    (Order::TYPE, "OrderRejected"),
    (Order::TYPE, "OrderShipped"),
    (Order::TYPE, "OrderCancelled"),
    (Stock::TYPE, "StockRanLow"),
    (Course::TYPE, "CoursePublished"),
    (Course::TYPE, "PublicationFailed"),
    (Account::TYPE, "PasswordResetRequested"),
    (Account::TYPE, "EmailChanged"),
    (Account::TYPE, "RefreshReuseDetected"),
    (PersonalExport::TYPE, "ExportCompleted"),
    (Notification::TYPE, "NotificationRetried"),
];

impl Notifications {
    /// None where there is no way to reach anybody.
    pub(crate) fn by(
        mailer: Option<Mailer>,
        sms: Option<Arc<HttpSms>>,
        password_page: Option<String>,
        writer: Option<Arc<ChatModel>>,
    ) -> Option<Self> {
        let mailer = mailer.map(|mailer| Arc::new(mailer) as Arc<dyn Carrier>);
        let sms = sms.map(|sms| sms as Arc<dyn Carrier>);
        let carriers: Vec<_> = mailer.into_iter().chain(sms).collect();
        (!carriers.is_empty()).then_some(Self { carriers, password_page, writer })
    }
}

#[async_trait]
impl Process for Notifications {
    fn name(&self) -> &'static str {
        "notifications"
    }

    /// What is imported happened long ago: nobody wants to hear of it now.
    fn reacts_to(&self, event: &RecordedEvent) -> bool {
        let cue = (&*event.stream.aggregate_type, &*event.event_type);
        CUES.contains(&cue)
            && event.metadata().get("source").is_none_or(|source| source != "import")
    }

    async fn react(&self, log: &Log, cause: &Cause) -> Result<(), Failure> {
        let cue = cause.event.decode()?;
        if let Cue::NotificationRetried { notification } = cue {
            let carrier = self.carriers.iter().find(|one| one.channel() == notification.channel);
            let message = requested(log, notification).await?;
            // Without a carrier it waits for a program that has one.
            let carrier =
                carrier.ok_or_else(|| Failure::lasting("nobody is configured who sends it"))?;
            return self.delivery(log, cause, &**carrier, notification).until_over(&message).await;
        }
        for (recipient, message) in told(log, cue).await? {
            // One way that is slow does not hold up another.
            futures::future::try_join_all(self.carriers.iter().map(|carrier| {
                let (cause_at, channel) = (cause.event.position, carrier.channel());
                let id = NotificationId { cause: cause_at, recipient, channel };
                let (one, message) = (self.delivery(log, cause, &**carrier, id), message.clone());
                async move { one.see_to(&message).await }
            }))
            .await?;
        }
        Ok(())
    }
}

impl Notifications {
    fn delivery<'a>(
        &'a self,
        log: &'a Log,
        cause: &'a Cause,
        carrier: &'a dyn Carrier,
        id: NotificationId,
    ) -> Delivery<'a> {
        let (page, writer) = (self.password_page.as_deref(), self.writer.as_deref());
        Delivery { log, cause, carrier, page, writer, id }
    }
}

/// What a notification is about.
async fn requested(log: &Log, notification: NotificationId) -> Result<Message, Failure> {
    let events = log.events_of::<Notification>(&notification.to_string()).await?;
    match events.into_iter().next() {
        Some(Event::NotificationRequested { message, .. }) => Ok(message),
        _ => Err(Failure::lasting(format!("{notification} was never requested"))),
    }
}

/// Who is told what.
async fn told(log: &Log, cue: Cue) -> Result<Vec<(AccountId, Message)>, Failure> {
    Ok(vec![match cue {
        Cue::AccountRegistered { account } => (account, Message::Welcome),
        Cue::StudentEnrolled { enrollment } => {
            (enrollment.student, Message::Enrolled { course: enrollment.course })
        }
        Cue::CourseCompleted { enrollment, certificate } => {
            let course = enrollment.course;
            (enrollment.student, Message::CourseCompleted { course, certificate })
        }
        Cue::OrderConfirmed { order, customer } => {
            let number = things::order_number(log, order).await?;
            (customer, Message::OrderConfirmed { order, number })
        }
        Cue::OrderRejected { order, customer } => {
            let number = things::order_number(log, order).await?;
            (customer, Message::OrderRejected { order, number })
        }
        Cue::OrderShipped { order, customer } => {
            let number = things::order_number(log, order).await?;
            (customer, Message::OrderShipped { order, number })
        }
        Cue::OrderCancelled { order, customer } => {
            let number = things::order_number(log, order).await?;
            (customer, Message::OrderCancelled { order, number })
        }
        Cue::CoursePublished { course, instructor } => {
            (instructor, Message::CoursePublished { course })
        }
        Cue::PublicationFailed { course, instructor, reason } => {
            (instructor, Message::PublicationFailed { course, reason })
        }
        Cue::StockRanLow { product } => {
            let merchandisers = recipient::with_role(log, "merchandiser", RECIPIENTS_MAX).await?;
            let message = |account| (account, Message::StockRanLow { product });
            return Ok(merchandisers.into_iter().map(message).collect());
        }
        Cue::PasswordResetRequested { account, reset } => {
            (account, Message::PasswordReset { reset })
        }
        Cue::EmailChanged { account } => (account, Message::EmailChanged),
        Cue::RefreshReuseDetected { account } => (account, Message::SessionEnded),
        Cue::ExportCompleted { account, export } => (account, Message::ExportReady { export }),
        // Who and of what is known already.
        Cue::NotificationRetried { .. } => return Ok(vec![]),
    }])
}

/// One notification on its way.
struct Delivery<'a> {
    log: &'a Log,
    cause: &'a Cause,
    carrier: &'a dyn Carrier,
    /// Where people choose a new password.
    page: Option<&'a str>,
    writer: Option<&'a ChatModel>,
    id: NotificationId,
}

impl Delivery<'_> {
    /// Until it is sent, given up or cancelled.
    async fn see_to(&self, message: &Message) -> Result<(), Failure> {
        let (notification, channel) = (self.id, self.id.channel);
        // Mail goes to everybody, unless they do not want any; SMS is for those who asked for it.
        if channel == Channel::Sms && self.is_new().await? {
            let recipient = Recipient::of(self.log, notification, message).await?;
            if !recipient.is_some_and(|known| known.wants(channel, message)) {
                return Ok(());
            }
        }
        self.step("request", |at| Command::Request { notification, message: message.clone(), at })
            .await?;
        self.until_over(message).await
    }

    async fn until_over(&self, message: &Message) -> Result<(), Failure> {
        let (notification, channel) = (self.id, self.id.channel);
        let mut closing = None;
        loop {
            let state = self.state().await?;
            if state.status() != Status::Waiting {
                return Ok(());
            }
            wait_until(state.retry_at()).await;
            let attempt = state.failed() + 1;
            let recipient = Recipient::of(self.log, notification, message).await?;
            let Some(recipient) = recipient.filter(|known| known.wants(channel, message)) else {
                return self.step("cancel", |at| Command::Cancel { notification, at }).await;
            };
            match self.send(&recipient, message, &mut closing).await? {
                Ok(()) => {
                    self.step(&format!("sent:{attempt}"), |at| Command::MarkSent {
                        notification,
                        at,
                    })
                    .await?;
                }
                Err(error) => self.failed(&state, error).await?,
            }
        }
    }

    async fn is_new(&self) -> Result<bool, Failure> {
        Ok(self.state().await?.status() == Status::Absent)
    }

    /// As the log has it: what is in memory may be older than what an operator asked for elsewhere.
    async fn state(&self) -> Result<Notification, Failure> {
        Ok(self.log.load_anew(self.id).await?.state)
    }

    async fn send(
        &self,
        recipient: &Recipient,
        message: &Message,
        closing: &mut Option<Option<String>>,
    ) -> Result<Result<(), NotCarried>, Failure> {
        let id = self.id.to_string();
        let mut words = words::of(self.log, self.page, recipient, message, self.id.channel).await?;
        if let Some(writer) = self.writer {
            // Asked once: a letter that is sent again is the same letter.
            if closing.is_none() {
                *closing = Some(closing::closing(writer, message, &id, words.subject()).await);
            }
            words = words.closed(closing.as_ref().and_then(Option::as_deref));
        }
        Ok(self.carrier.carry(recipient, words, &id).await)
    }

    async fn failed(&self, state: &Notification, error: NotCarried) -> Result<(), Failure> {
        let (notification, NotCarried { said, is_permanent }) = (self.id, error);
        let (attempt, lately) = (state.failed() + 1, state.failed_lately() + 1);
        let pause = RETRIES.pause_after(lately).filter(|_| !is_permanent);
        let Some(pause) = pause else {
            tracing::error!(
                notification.id = %notification, attempt,
                "notification {notification} is given up after {attempt} attempts: {}",
                said.as_str(),
            );
            return self
                .step(&format!("give-up:{attempt}"), |at| Command::GiveUp {
                    notification,
                    error: said,
                    at,
                })
                .await;
        };
        let kept_back = TimeDelta::from_std(self.carrier.keeps_back_for()).unwrap_or_default();
        let pause = pause.max(kept_back);
        self.step(&format!("failed:{attempt}"), |at| Command::MarkFailed {
            notification,
            error: said,
            retry_at: at + pause,
            at,
        })
        .await
    }

    async fn step(
        &self,
        step: &str,
        command: impl FnOnce(DateTime<Utc>) -> Command,
    ) -> Result<(), Failure> {
        let NotificationId { recipient, channel, .. } = self.id;
        let context = self.cause.context(&format!("{step}:{recipient}:{}", channel.name()));
        let command = command(context.now);
        let result = self.log.execute::<Notification>(self.id, command, &context).await;
        answer(result)?.map_err(|refusal| Failure::Lasting(format!("{}: {refusal}", self.id)))?;
        Ok(())
    }
}
