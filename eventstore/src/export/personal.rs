//! Everything the log holds of one person, as lines for that person.
//!
//! An event is about a person if it names their account anywhere: in the id of its stream, as the
//! actor or another entry of its metadata, or in its payload, personal values included; or if it is
//! about what is theirs, such as the payment of an order. Its line is stored with personal values
//! sealed. Opened, it holds the person's own values in plain; what is another's is `null`.

use domain::{AccountId, ExportId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event::RecordedEvent;
use crate::personal::{PersonalError, PersonalKeys};

/// One event as it is stored in an export: a line without its end.
pub fn line(event: &RecordedEvent) -> Result<String, serde_json::Error> {
    let line = json!({
        "position": event.position,
        "stream": {"type": event.stream.aggregate_type, "id": event.stream.aggregate_id},
        "sequence": event.sequence,
        "event_type": event.event_type,
        "event_version": event.event_version,
        "recorded_at": event.recorded_at,
        "payload": serde_json::from_str::<Value>(&event.payload)?,
        "metadata": serde_json::from_str::<Value>(&event.metadata)?,
    });
    serde_json::to_string(&line)
}

/// Stored lines as the person reads them, each with its end.
pub async fn open(
    keys: &PersonalKeys,
    account: Uuid,
    lines: &str,
) -> Result<String, PersonalError> {
    let mut values = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    values.iter_mut().for_each(|value| withhold(value, account));
    keys.open_values(&mut values).await?;
    let mut opened = String::with_capacity(lines.len());
    for mut value in values {
        plain(&mut value);
        opened.push_str(&serde_json::to_string(&value)?);
        opened.push('\n');
    }
    Ok(opened)
}

/// The last line, with its end: what comes before it, and its hash.
pub fn manifest(
    account: AccountId,
    export: ExportId,
    until: i64,
    events: u64,
    sha256: &str,
) -> String {
    let manifest = json!({"manifest": {
        "account": account, "export": export, "until": until, "events": events, "sha256": sha256,
    }});
    format!("{manifest}\n")
}

/// What is sealed for anybody else becomes null.
fn withhold(value: &mut Value, account: Uuid) {
    let sealed: Option<Uuid> =
        tagged(value, "sealed").and_then(|inner| inner["subject"].as_str()?.parse().ok());
    match (sealed, value) {
        (Some(subject), value) if account != subject => *value = Value::Null,
        (_, Value::Object(map)) => map.values_mut().for_each(|inner| withhold(inner, account)),
        (_, Value::Array(items)) => items.iter_mut().for_each(|item| withhold(item, account)),
        _ => {}
    }
}

/// `{"personal": {"subject", "value"}}` becomes the value, `{"erased": ..}` null.
fn plain(value: &mut Value) {
    if tagged(value, "erased").is_some() {
        *value = Value::Null;
    } else if tagged(value, "personal").is_some() {
        *value = value.pointer_mut("/personal/value").map(Value::take).unwrap_or_default();
    } else {
        match value {
            Value::Object(map) => map.values_mut().for_each(plain),
            Value::Array(items) => items.iter_mut().for_each(plain),
            _ => {}
        }
    }
}

fn tagged<'a>(value: &'a Value, tag: &str) -> Option<&'a Map<String, Value>> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get(tag)?.as_object().filter(|inner| inner.contains_key("subject"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_their_own_values_and_nobody_elses() {
        let (ada, bob) = (Uuid::from_u128(0xada), Uuid::from_u128(0xb0b));
        let sealed = |subject: Uuid| json!({"sealed": {"subject": subject, "box": "YQ=="}});
        let mut value = json!({"mine": sealed(ada), "list": [sealed(bob), {"deep": sealed(bob)}]});
        withhold(&mut value, ada);
        assert_eq!(value, json!({"mine": sealed(ada), "list": [null, {"deep": null}]}));

        let own = json!({"personal": {"subject": ada, "value": {"a": 1}}});
        let mut opened = json!({"mine": own, "gone": {"erased": {"subject": ada}}});
        plain(&mut opened);
        assert_eq!(opened, json!({"mine": {"a": 1}, "gone": null}));
    }
}
