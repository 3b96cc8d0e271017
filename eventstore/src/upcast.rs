//! Events of older versions become events of today, on load and on read alike.
//!
//! `domain` says what changed; here it runs under cqrs-es's rule: every upcaster of the event's
//! type whose version is newer, oldest first. The log keeps what was written.

use std::borrow::Cow;
use std::sync::LazyLock;

use cqrs_es::persist::{EventUpcaster, SemanticVersionEventUpcaster, SerializedEvent};
use serde_json::Value;

static UPCASTERS: LazyLock<Vec<SemanticVersionEventUpcaster>> = LazyLock::new(|| {
    domain::upcasters()
        .iter()
        .map(|to| {
            let upcast = to.upcast;
            SemanticVersionEventUpcaster::new(to.event_type, to.to_version, Box::new(upcast))
        })
        .collect()
});

/// The upcasters, as `cqrs_es::persist::PersistedEventStore::with_upcasters` takes them.
pub fn boxed() -> Vec<Box<dyn EventUpcaster>> {
    domain::upcasters()
        .iter()
        .map(|to| {
            let (event_type, version) = (to.event_type, to.to_version);
            let upcast = Box::new(to.upcast);
            Box::new(SemanticVersionEventUpcaster::new(event_type, version, upcast))
                as Box<dyn EventUpcaster>
        })
        .collect()
}

/// False for nearly every event: then its stored text is today's form.
pub fn is_old(event_type: &str, event_version: &str) -> bool {
    UPCASTERS.iter().any(|upcaster| upcaster.can_upcast(event_type, event_version))
}

/// The payload as today's program writes it.
pub fn upcast(event_type: &str, event_version: &str, payload: Value) -> Value {
    if !is_old(event_type, event_version) {
        return payload;
    }
    let event = SerializedEvent::new(
        String::new(),
        0,
        String::new(),
        event_type.to_owned(),
        event_version.to_owned(),
        payload,
        Value::Null,
    );
    serialized(event).payload
}

/// The payload text as today's program writes it; the stored text itself if it is of today.
pub fn upcast_text<'a>(
    event_type: &str,
    event_version: &str,
    payload: &'a str,
) -> Result<Cow<'a, str>, serde_json::Error> {
    if !is_old(event_type, event_version) {
        return Ok(Cow::Borrowed(payload));
    }
    let payload = upcast(event_type, event_version, serde_json::from_str(payload)?);
    Ok(Cow::Owned(payload.to_string()))
}

/// The whole event, with the version it then has.
pub fn serialized(event: SerializedEvent) -> SerializedEvent {
    UPCASTERS.iter().fold(event, |event, upcaster| {
        if upcaster.can_upcast(&event.event_type, &event.event_version) {
            upcaster.upcast(event)
        } else {
            event
        }
    })
}
