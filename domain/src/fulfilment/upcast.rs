use serde_json::Value;

/// 1.0.0 to 1.1.0: an order can be rejected over its payment. What was rejected before was out of
/// stock, and reads the same.
pub(crate) fn as_it_was(payload: Value) -> Value {
    payload
}

/// The schema of 1.0.0: that of 1.1.0 without the reasons that came with payments.
pub(crate) fn without_payment(mut schema: Value) -> Value {
    if let Some(reasons) = schema["properties"]["reason"]["oneOf"].as_array_mut() {
        reasons.retain(|reason| reason["properties"]["code"]["const"] == "out-of-stock");
    }
    schema
}
