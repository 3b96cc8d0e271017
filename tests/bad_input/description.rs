//! What /openapi.json says can be asked for.

use reqwest::Method;
use serde_json::{Map, Value};

/// One method of one path.
#[derive(Debug)]
pub struct Operation {
    pub method: Method,
    pub path: String,
    pub parameters: Vec<Parameter>,
    pub body: Option<Shape>,
    /// The media types of a body that is not JSON.
    pub uploads: Vec<String>,
    /// `null` or no body at all is as good.
    pub body_optional: bool,
}

#[derive(Debug)]
pub struct Parameter {
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    pub required: bool,
    pub shape: Shape,
}

/// A schema, as far as wrong values follow from it.
#[derive(Debug, Clone)]
pub enum Shape {
    Text { format: Option<String>, choices: Vec<String>, chars_min: usize },
    Integer { minimum: Option<i64>, maximum: Option<i64> },
    Number,
    Boolean,
    List(Box<Shape>),
    Object(Vec<Field>),
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    pub shape: Shape,
    pub required: bool,
    pub nullable: bool,
}

impl Operation {
    pub fn is_command(&self) -> bool {
        self.method != Method::GET
    }

    pub fn parameters(&self, place: &str) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.place == place)
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Every operation of the API.
pub fn operations(description: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let parameters = described["parameters"].as_array().into_iter().flatten();
            let parameters = parameters.map(|parameter| Parameter {
                name: parameter["name"].as_str().unwrap().to_owned(),
                place: parameter["in"].as_str().unwrap().to_owned(),
                required: parameter["required"] == true,
                shape: shape(description, &parameter["schema"]),
            });
            let content = &described["requestBody"]["content"];
            let kinds = content.as_object().into_iter().flat_map(|kinds| kinds.keys());
            let uploads = kinds.filter(|kind| *kind != "application/json").cloned().collect();
            let body = &content["application/json"]["schema"];
            operations.push(Operation {
                method,
                path: path.clone(),
                parameters: parameters.collect(),
                body: (!body.is_null()).then(|| shape(description, body)),
                uploads,
                body_optional: nullable(body),
            });
        }
    }
    operations
}

/// The schema itself, not the reference to it and not the `null` beside it.
fn resolved<'a>(description: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        let target = description.pointer(pointer);
        let target = target.unwrap_or_else(|| panic!("{reference} leads nowhere"));
        return resolved(description, target);
    }
    for either in ["oneOf", "anyOf", "allOf"] {
        let mut options = schema[either].as_array().into_iter().flatten();
        if let Some(option) = options.find(|option| option["type"] != "null") {
            return resolved(description, option);
        }
    }
    schema
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    }
}

fn nullable(schema: &Value) -> bool {
    let options = schema["oneOf"].as_array().into_iter().flatten();
    types(schema).contains(&"null") || options.into_iter().any(|option| option["type"] == "null")
}

fn shape(description: &Value, schema: &Value) -> Shape {
    let schema = resolved(description, schema);
    let choices = || schema["enum"].as_array().into_iter().flatten();
    match types(schema).into_iter().find(|kind| *kind != "null") {
        Some("string") => Shape::Text {
            format: schema["format"].as_str().map(str::to_owned),
            choices: choices().filter_map(|choice| Some(choice.as_str()?.to_owned())).collect(),
            chars_min: schema["minLength"].as_u64().unwrap_or(1) as usize,
        },
        Some("integer") => Shape::Integer {
            minimum: schema["minimum"].as_i64(),
            maximum: schema["maximum"].as_i64(),
        },
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Boolean,
        Some("array") => Shape::List(Box::new(shape(description, &schema["items"]))),
        Some("object") => {
            let none = Map::new();
            let properties = schema["properties"].as_object().unwrap_or(&none);
            let required = schema["required"].as_array().into_iter().flatten();
            let required: Vec<&str> = required.filter_map(Value::as_str).collect();
            let field = |(name, schema): (&String, &Value)| Field {
                name: name.clone(),
                shape: shape(description, schema),
                required: required.contains(&name.as_str()),
                nullable: nullable(schema) || !required.contains(&name.as_str()),
            };
            Shape::Object(properties.iter().map(field).collect())
        }
        other => panic!("nobody has said what is wrong for {other:?}: {schema}"),
    }
}
