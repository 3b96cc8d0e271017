//! Ids: one type per kind of thing, so that a book cannot be passed for a course.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

id! {
    /// A person who registered.
    AccountId
}
id! {
    /// One request for a new password.
    PasswordResetId
}
id! {
    /// A key by which a program asks for somebody.
    ApiKeyId
}
id! {
    /// One log-in and all the tokens that came of it.
    SessionId
}
id! {
    /// A book of the catalogue.
    BookId
}
id! {
    /// What somebody said about an item.
    CommentId
}
id! {
    /// A course.
    CourseId
}
id! {
    /// A lesson of one course.
    LessonId
}
id! {
    /// One request to publish a course; the id of its workflow.
    PublicationId
}
id! {
    /// One request for all that is known of a person.
    ExportId
}
id! {
    /// The proof that a student completed a course.
    CertificateId
}
id! {
    /// A product of the shop.
    ProductId
}
id! {
    /// An order of the shop.
    OrderId
}
id! {
    /// What somebody asks the assistant, one question after the other.
    ConversationId
}
id! {
    /// The answer to one question; the id is there before the answer is.
    AnswerId
}
