//! How events written by older versions of the program read today.

use serde_json::Value;

use crate::{book, fulfilment, model, notification, publication};

/// Turns the payload of an older version of an event into that of `to_version`.
///
/// Runs on every event of the type whose version is older; personal values are opened before.
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    pub event_type: &'static str,
    /// The newest version it is for.
    pub from_version: &'static str,
    pub to_version: &'static str,
    pub upcast: fn(Value) -> Value,
    /// The schema of the older payload, made of that of `to_version`.
    pub schema_before: fn(Value) -> Value,
}

/// Every upcaster, oldest version first within a type.
pub const fn upcasters() -> &'static [Upcaster] {
    &[
        Upcaster {
            event_type: "BookAdded",
            from_version: "1.0.0",
            to_version: "1.1.0",
            upcast: book::audience_from_genres,
            schema_before: book::without_audience,
        },
        Upcaster {
            event_type: "BookRevised",
            from_version: "1.0.0",
            to_version: "1.1.0",
            upcast: book::audience_from_genres,
            schema_before: book::without_audience,
        },
        Upcaster {
            event_type: "NotificationRequested",
            from_version: "1.0.0",
            to_version: "1.1.0",
            upcast: notification::as_it_stands,
            schema_before: notification::without_kinds_of_1_1,
        },
        Upcaster {
            event_type: "NotificationRequested",
            from_version: "1.1.0",
            to_version: "1.2.0",
            upcast: notification::as_it_stands,
            schema_before: notification::without_kinds_of_1_2,
        },
        Upcaster {
            event_type: "OrderRejected",
            from_version: "1.0.0",
            to_version: "1.1.0",
            upcast: fulfilment::as_it_was,
            schema_before: fulfilment::without_payment,
        },
        Upcaster {
            event_type: "FulfilmentRejecting",
            from_version: "1.0.0",
            to_version: "1.1.0",
            upcast: fulfilment::as_it_was,
            schema_before: fulfilment::without_payment,
        },
        Upcaster {
            event_type: "PublicationStepCompleted",
            from_version: "1.0.0",
            to_version: "1.1.0",
            upcast: publication::as_it_was,
            schema_before: publication::without_embedding,
        },
        Upcaster {
            event_type: "ModelTrained",
            from_version: "1.0.0",
            to_version: "1.1.0",
            upcast: model::of_the_first_recipe,
            schema_before: model::without_recipe,
        },
        Upcaster {
            event_type: "ModelRejected",
            from_version: "1.0.0",
            to_version: "1.1.0",
            upcast: model::of_the_first_recipe,
            schema_before: model::without_recipe,
        },
    ]
}
