//! Values that say something about a person and must be forgettable.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::AccountId;

/// A value that belongs to a person, the `subject`, in one of three conditions.
///
/// Wherever it is stored it is sealed with the subject's key; once that key is destroyed it can only
/// be `Erased`. The store's edge swaps the conditions on the JSON itself:
/// `{"personal": {"subject", "value"}}`, `{"sealed": {"subject", "box"}}`, `{"erased": {"subject"}}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Personal<T> {
    #[serde(rename = "personal")]
    Known { subject: AccountId, value: T },
    #[serde(rename = "sealed")]
    Sealed {
        subject: AccountId,
        #[serde(rename = "box")]
        sealed: String,
    },
    #[serde(rename = "erased")]
    Erased { subject: AccountId },
}

impl<T> Personal<T> {
    pub const fn new(subject: AccountId, value: T) -> Self {
        Self::Known { subject, value }
    }

    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Sealed { .. } | Self::Erased { .. } => None,
        }
    }

    pub const fn subject(&self) -> AccountId {
        match self {
            Self::Known { subject, .. }
            | Self::Sealed { subject, .. }
            | Self::Erased { subject } => *subject,
        }
    }
}

/// Hides the value: debug output ends up in logs, and logs are not erased with the person.
impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = match self {
            Self::Known { .. } => "Known",
            Self::Sealed { .. } => "Sealed",
            Self::Erased { .. } => "Erased",
        };
        write!(f, "Personal::{condition}({})", self.subject())
    }
}

/// As the log, the stream and the read models hold it: sealed, or erased with the person.
impl<T> JsonSchema for Personal<T> {
    fn schema_name() -> Cow<'static, str> {
        "Personal".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let subject = generator.subschema_for::<AccountId>();
        json_schema!({
            "description": "A value that says something about a person, the subject. It is sealed \
                with a key of that person and reads as erased once the key has been destroyed.",
            "oneOf": [
                {
                    "title": "sealed",
                    "type": "object",
                    "properties": { "sealed": {
                        "type": "object",
                        "properties": {
                            "subject": subject,
                            "box": { "type": "string", "contentEncoding": "base64" },
                        },
                        "required": ["subject", "box"],
                        "additionalProperties": false,
                    } },
                    "required": ["sealed"],
                    "additionalProperties": false,
                },
                {
                    "title": "erased",
                    "type": "object",
                    "properties": { "erased": {
                        "type": "object",
                        "properties": { "subject": subject },
                        "required": ["subject"],
                        "additionalProperties": false,
                    } },
                    "required": ["erased"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
