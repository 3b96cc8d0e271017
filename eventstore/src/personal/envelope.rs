//! Personal values inside JSON: where they are, and what stands in their place when they are sealed
//! or erased. Pure; `domain::Personal` defines the three shapes.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{PersonalError, SubjectKey};

pub(super) type Keys = HashMap<Uuid, SubjectKey>;

/// Quick and never wrong with no: inside a JSON string the quotes would be escaped.
pub(super) fn may_hold_personal(json: &str) -> bool {
    json.contains("\"personal\"")
}

pub(super) fn may_hold_sealed(json: &str) -> bool {
    json.contains("\"sealed\"")
}

pub(super) fn personal_subjects(value: &Value) -> Vec<Uuid> {
    let mut subjects = BTreeSet::new();
    collect(value, "personal", "value", &mut subjects);
    subjects.into_iter().collect()
}

pub(super) fn sealed_subjects(values: &[Value]) -> Vec<Uuid> {
    let mut subjects = BTreeSet::new();
    for value in values {
        collect(value, "sealed", "box", &mut subjects);
    }
    subjects.into_iter().collect()
}

pub(super) fn seal(value: &mut Value, keys: &Keys) -> Result<(), PersonalError> {
    replace(value, "personal", "value", &mut |subject, content| match keys.get(&subject) {
        Some(SubjectKey::Held(key)) => {
            let plain = serde_json::to_vec(content)?;
            let sealed = STANDARD.encode(key.seal(&plain, subject.as_bytes()));
            Ok(json!({"sealed": {"subject": subject, "box": sealed}}))
        }
        Some(SubjectKey::Erased) | None => Err(PersonalError::Erased(subject)),
    })
}

pub(super) fn open(value: &mut Value, keys: &Keys) -> Result<(), PersonalError> {
    replace(value, "sealed", "box", &mut |subject, content| match keys.get(&subject) {
        Some(SubjectKey::Held(key)) => {
            let unreadable = || PersonalError::Unreadable { subject };
            let sealed = content.as_str().and_then(|text| STANDARD.decode(text).ok());
            let plain = key
                .open(&sealed.ok_or_else(unreadable)?, subject.as_bytes())
                .ok_or_else(unreadable)?;
            let plain: Value = serde_json::from_slice(&plain)?;
            Ok(json!({"personal": {"subject": subject, "value": plain}}))
        }
        Some(SubjectKey::Erased) | None => Ok(json!({"erased": {"subject": subject}})),
    })
}

/// Exactly `{tag: {"subject": uuid, content: ..}}`, nothing beside it.
fn marked<'a>(map: &'a Map<String, Value>, tag: &str, content: &str) -> Option<(Uuid, &'a Value)> {
    let inner = map.get(tag).filter(|_| map.len() == 1)?.as_object()?;
    let subject = inner.get("subject")?.as_str()?.parse().ok()?;
    let content = inner.get(content).filter(|_| inner.len() == 2)?;
    Some((subject, content))
}

fn collect(value: &Value, tag: &str, content: &str, subjects: &mut BTreeSet<Uuid>) {
    match value {
        Value::Object(map) => match marked(map, tag, content) {
            Some((subject, _)) => {
                subjects.insert(subject);
            }
            None => map.values().for_each(|inner| collect(inner, tag, content, subjects)),
        },
        Value::Array(items) => {
            items.iter().for_each(|inner| collect(inner, tag, content, subjects));
        }
        _ => {}
    }
}

fn replace(
    value: &mut Value,
    tag: &str,
    content: &str,
    with: &mut impl FnMut(Uuid, &Value) -> Result<Value, PersonalError>,
) -> Result<(), PersonalError> {
    if let Value::Object(map) = value
        && let Some((subject, inner)) = marked(map, tag, content)
    {
        *value = with(subject, inner)?;
        return Ok(());
    }
    match value {
        Value::Object(map) => {
            map.values_mut().try_for_each(|inner| replace(inner, tag, content, with))
        }
        Value::Array(items) => {
            items.iter_mut().try_for_each(|inner| replace(inner, tag, content, with))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::cipher::SecretKey;
    use super::*;

    fn ada() -> Uuid {
        Uuid::from_u128(0xada)
    }

    fn keys() -> Keys {
        Keys::from([(ada(), SubjectKey::Held(SecretKey::generate()))])
    }

    fn profile() -> Value {
        json!({
            "type": "ProfileChanged",
            "name": {"personal": {"subject": ada(), "value": "Ada \"the first\" \u{1F4D6}"}},
            "addresses": [{"personal": {"subject": ada(), "value": {"street": "12 St James's"}}}],
        })
    }

    #[test]
    fn what_is_sealed_opens_to_the_same_value() {
        let (keys, mut value) = (keys(), profile());
        seal(&mut value, &keys).unwrap();
        let sealed = value.to_string();
        assert!(!sealed.contains("first") && !sealed.contains("James"), "{sealed}");
        open(&mut value, &keys).unwrap();
        assert_eq!(value, profile());
    }

    #[test]
    fn the_same_value_never_looks_the_same_sealed() {
        let (keys, mut one, mut two) = (keys(), profile(), profile());
        seal(&mut one, &keys).unwrap();
        seal(&mut two, &keys).unwrap();
        assert_ne!(one["name"], two["name"]);
    }

    #[test]
    fn a_box_moved_to_another_subject_does_not_open() {
        let key = SecretKey::generate();
        let bob = Uuid::from_u128(0xb0b);
        let keys =
            Keys::from([(ada(), SubjectKey::Held(key.clone())), (bob, SubjectKey::Held(key))]);
        let mut value = profile();
        seal(&mut value, &keys).unwrap();
        value["name"]["sealed"]["subject"] = json!(bob);
        assert!(matches!(open(&mut value, &keys), Err(PersonalError::Unreadable { .. })));
    }

    #[test]
    fn an_erased_subject_reads_as_erased_and_takes_nothing_more() {
        let (keys, mut value) = (keys(), profile());
        seal(&mut value, &keys).unwrap();
        let erased = Keys::from([(ada(), SubjectKey::Erased)]);
        open(&mut value, &erased).unwrap();
        assert_eq!(value["name"], json!({"erased": {"subject": ada()}}));
        assert!(matches!(seal(&mut profile(), &erased), Err(PersonalError::Erased(_))));
    }

    #[test]
    fn words_that_only_look_like_the_marker_are_left_alone() {
        for text in [r#"{"title":"a \"personal\": story"}"#, r#"{"personal":"yes"}"#] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert!(personal_subjects(&value).is_empty());
        }
    }
}
