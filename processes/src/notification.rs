//! Notifications: tells people over e-mail what happened to them.
//!
//! Requested, sent and failed are events, so that a crash repeats at most the sending itself; the
//! Message-ID is the same then, by which mail servers know a repetition. A server that cannot be
//! reached is tried again after 1, 2, 4 and 8 s; then, or when it says that it never will, the
//! notification is given up with the last error.

mod mailer;
mod recipient;
mod things;
mod words;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use domain::account::{Account, Channel};
use domain::enrollment::{Enrollment, EnrollmentId};
use domain::export::PersonalExport;
use domain::notification::{Command, Message, Notification, NotificationId, Status};
use domain::order::Order;
use domain::stock::Stock;
use domain::{AccountId, CertificateId, ExportId, OrderId, PasswordResetId, ProductId};
use eventstore::{Log, RecordedEvent};
use serde::Deserialize;

use crate::cause::Cause;
use crate::failure::{Failure, answer};
use crate::process::Process;
pub use mailer::{Letter, MailError, Mailer};
use recipient::Recipient;

const ATTEMPTS_MAX: u32 = 5;
/// Before the second attempt; it doubles with each.
const RETRY_FIRST: TimeDelta = TimeDelta::seconds(1);
/// People told of one event at most.
const RECIPIENTS_MAX: i64 = 100;

/// How people are written to.
#[derive(Debug, Clone)]
pub struct Mail {
    pub mailer: Mailer,
    /// Where people choose a new password; the token is put at its end.
    pub password_page: Option<String>,
}

pub(crate) struct Notifications {
    mail: Mail,
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
    PasswordResetRequested { account: AccountId, reset: PasswordResetId },
    ExportCompleted { account: AccountId, export: ExportId },
}

const CUES: [(&str, &str); 10] = [
    (Account::TYPE, "AccountRegistered"),
    (Enrollment::TYPE, "StudentEnrolled"),
    (Enrollment::TYPE, "CourseCompleted"),
    (Order::TYPE, "OrderConfirmed"),
    (Order::TYPE, "OrderRejected"),
    (Order::TYPE, "OrderShipped"),
    (Order::TYPE, "OrderCancelled"),
    (Stock::TYPE, "StockRanLow"),
    (Account::TYPE, "PasswordResetRequested"),
    (PersonalExport::TYPE, "ExportCompleted"),
];

impl Notifications {
    pub(crate) const fn new(mail: Mail) -> Self {
        Self { mail }
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
        for (recipient, message) in told(log, cause.event.decode()?).await? {
            let channel = Channel::Email;
            let id = NotificationId { cause: cause.event.position, recipient, channel };
            let one = Delivery { log, cause, mail: &self.mail, id };
            one.see_to(message).await?;
        }
        Ok(())
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
        Cue::StockRanLow { product } => {
            let merchandisers = recipient::with_role(log, "merchandiser", RECIPIENTS_MAX).await?;
            let message = |account| (account, Message::StockRanLow { product });
            return Ok(merchandisers.into_iter().map(message).collect());
        }
        Cue::PasswordResetRequested { account, reset } => {
            (account, Message::PasswordReset { reset })
        }
        Cue::ExportCompleted { account, export } => (account, Message::ExportReady { export }),
    }])
}

/// One notification on its way.
struct Delivery<'a> {
    log: &'a Log,
    cause: &'a Cause,
    mail: &'a Mail,
    id: NotificationId,
}

impl Delivery<'_> {
    /// Until it is sent, given up or cancelled.
    async fn see_to(&self, message: Message) -> Result<(), Failure> {
        let notification = self.id;
        self.step("request", |at| Command::Request { notification, message: message.clone(), at })
            .await?;
        loop {
            let state = self.log.load::<Notification>(notification).await?.state;
            if state.status() != Status::Waiting {
                return Ok(());
            }
            wait_until(state.retry_at()).await;
            let attempt = state.failed() + 1;
            let recipient = Recipient::find(self.log, notification.recipient).await?;
            let Some(recipient) = recipient.filter(|recipient| recipient.wants(&message)) else {
                return self.step("cancel", |at| Command::Cancel { notification, at }).await;
            };
            match self.send(&recipient, &message).await? {
                Ok(()) => {
                    self.step(&format!("sent:{attempt}"), |at| Command::MarkSent {
                        notification,
                        at,
                    })
                    .await?;
                }
                Err(error) => self.failed(attempt, &error).await?,
            }
        }
    }

    async fn send(
        &self,
        recipient: &Recipient,
        message: &Message,
    ) -> Result<Result<(), MailError>, Failure> {
        let words = words::of(self.log, self.mail, recipient, message).await?;
        let letter = Letter {
            to: recipient.email.clone(),
            subject: words.subject,
            text: words.text,
            id: self.id.to_string().replace(':', "."),
        };
        Ok(self.mail.mailer.send(letter).await)
    }

    async fn failed(&self, attempt: u32, error: &MailError) -> Result<(), Failure> {
        let (notification, said) = (self.id, error.to_string());
        if attempt >= ATTEMPTS_MAX || error.is_permanent() {
            tracing::error!(
                notification.id = %notification, attempt,
                "notification {notification} is given up after {attempt} attempts: {said}",
            );
            return self
                .step(&format!("give-up:{attempt}"), |at| Command::GiveUp {
                    notification,
                    error: said.into(),
                    at,
                })
                .await;
        }
        self.step(&format!("failed:{attempt}"), |at| Command::MarkFailed {
            notification,
            error: said.into(),
            retry_at: at + RETRY_FIRST * (1 << (attempt - 1)),
            at,
        })
        .await
    }

    async fn step(
        &self,
        step: &str,
        command: impl FnOnce(DateTime<Utc>) -> Command,
    ) -> Result<(), Failure> {
        let context = self.cause.context(&format!("{step}:{}", self.id.recipient));
        let command = command(context.now);
        let result = self.log.execute::<Notification>(self.id, command, &context).await;
        answer(result)?.map_err(|refusal| Failure::Lasting(format!("{}: {refusal}", self.id)))?;
        Ok(())
    }
}

/// A restarted program waits for what is left.
async fn wait_until(time: Option<DateTime<Utc>>) {
    let left = time.map(|time| (time - Utc::now()).to_std().unwrap_or(Duration::ZERO));
    tokio::time::sleep(left.unwrap_or_default()).await;
}
