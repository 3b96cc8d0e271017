use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NotificationId;
use crate::order::OrderNumber;
use crate::wire::schemas;
use crate::{CertificateId, CourseId, ErrorText, ExportId, OrderId, PasswordResetId, ProductId};

/// What became of a notification. Attempts count from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    NotificationRequested {
        notification: NotificationId,
        message: Message,
        at: DateTime<Utc>,
    },
    NotificationSent {
        notification: NotificationId,
        attempt: u32,
        at: DateTime<Utc>,
    },
    NotificationFailed {
        notification: NotificationId,
        attempt: u32,
        error: ErrorText,
        retry_at: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    NotificationGivenUp {
        notification: NotificationId,
        attempt: u32,
        error: ErrorText,
        at: DateTime<Utc>,
    },
    /// It was given up, and is sent anew; attempts are counted on.
    NotificationRetried {
        notification: NotificationId,
        at: DateTime<Utc>,
    },
    NotificationCancelled {
        notification: NotificationId,
        at: DateTime<Utc>,
    },
}

/// What a message is about. The words are not here: they depend on who reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    Welcome,
    Enrolled {
        course: CourseId,
    },
    CourseCompleted {
        course: CourseId,
        certificate: CertificateId,
    },
    OrderConfirmed {
        order: OrderId,
        number: OrderNumber,
    },
    OrderRejected {
        order: OrderId,
        number: OrderNumber,
    },
    OrderShipped {
        order: OrderId,
        number: OrderNumber,
    },
    OrderCancelled {
        order: OrderId,
        number: OrderNumber,
    },
    StockRanLow {
        product: ProductId,
    },
    CoursePublished {
        course: CourseId,
    },
    PublicationFailed {
        course: CourseId,
        reason: ErrorText,
    },
    /// Its token is made when the letter is written.
    PasswordReset {
        reset: PasswordResetId,
    },
    ExportReady {
        export: ExportId,
    },
    /// To the address that was the recipient's until then.
    EmailChanged,
    /// A refresh token of theirs was used twice.
    SessionEnded,
}

impl Message {
    /// As it is stored, and as its templates are named.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::Enrolled { .. } => "enrolled",
            Self::CourseCompleted { .. } => "course_completed",
            Self::OrderConfirmed { .. } => "order_confirmed",
            Self::OrderRejected { .. } => "order_rejected",
            Self::OrderShipped { .. } => "order_shipped",
            Self::OrderCancelled { .. } => "order_cancelled",
            Self::StockRanLow { .. } => "stock_ran_low",
            Self::CoursePublished { .. } => "course_published",
            Self::PublicationFailed { .. } => "publication_failed",
            Self::PasswordReset { .. } => "password_reset",
            Self::ExportReady { .. } => "export_ready",
            Self::EmailChanged => "email_changed",
            Self::SessionEnded => "session_ended",
        }
    }

    /// By mail, whatever the recipient wants to hear of otherwise: they have asked for it, or
    /// somebody may have got hold of their account.
    pub const fn comes_by_mail(&self) -> bool {
        matches!(
            self,
            Self::PasswordReset { .. }
                | Self::ExportReady { .. }
                | Self::EmailChanged
                | Self::SessionEnded
        )
    }
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::NotificationRequested { .. } => ("NotificationRequested", "1.2.0"),
        Self::NotificationSent { .. } => ("NotificationSent", "1.0.0"),
        Self::NotificationFailed { .. } => ("NotificationFailed", "1.0.0"),
        Self::NotificationGivenUp { .. } => ("NotificationGivenUp", "1.0.0"),
        Self::NotificationRetried { .. } => ("NotificationRetried", "1.0.0"),
        Self::NotificationCancelled { .. } => ("NotificationCancelled", "1.0.0"),
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.schema().0.to_owned()
    }

    fn event_version(&self) -> String {
        self.schema().1.to_owned()
    }
}
