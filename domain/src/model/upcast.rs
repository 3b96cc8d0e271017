use serde_json::{Value, json};

/// 1.0.0 to 1.1.0: fits say by which recipe they were made, and how those that served did on the same
/// people. Before, there was one recipe.
pub(crate) fn of_the_first_recipe(mut payload: Value) -> Value {
    payload["fit"]["recipe"] = json!(1);
    payload
}

/// The schema of 1.0.0: that of 1.1.0 without either.
pub(crate) fn without_recipe(mut schema: Value) -> Value {
    let fit = &mut schema["properties"]["fit"];
    if let Some(fields) = fit["properties"].as_object_mut() {
        fields.retain(|name, _| name != "recipe" && name != "beside");
    }
    if let Some(required) = fit["required"].as_array_mut() {
        required.retain(|field| field != "recipe");
    }
    schema
}
