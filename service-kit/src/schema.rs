//! Values of the domain as the description of a request shows them: with the limits that the types
//! declare once, for the events on the stream and for what is sent here.
//!
//! `#[schema(value_type = Option<schema::Text>)] description: Option<Text>`. A parameter cannot refer
//! to a schema, so there it is `#[param(inline, value_type = Option<schema::ItemKind>)]`.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::{PartialSchema, ToSchema};

/// Stands for a type of the domain, which knows nothing of OpenAPI.
#[derive(Debug)]
pub struct As<T>(PhantomData<T>);

macro_rules! domain {
    ($($name:ident = $path:path),* $(,)?) => {
        $(pub type $name = As<$path>;)*
    };
}

domain! {
    Audience = domain::book::Audience,
    Authors = domain::book::Authors,
    Channel = domain::account::Channel,
    Copies = domain::loan::Copies,
    ItemKind = domain::ItemKind,
    Language = domain::Language,
    Level = domain::course::Level,
    Mark = domain::enrollment::Mark,
    Markdown = domain::Markdown,
    Minutes = domain::course::Minutes,
    Money = domain::Money,
    Name = domain::Name,
    OrderStatus = domain::order::Status,
    Period = domain::weekly::Period,
    Pieces = domain::cart::Pieces,
    Quantity = domain::Quantity,
    Remark = domain::comment::Remark,
    Role = domain::Role,
    Score = domain::rating::Score,
    Seats = domain::course::Seats,
    Series = domain::book::Series,
    Sku = domain::product::Sku,
    Tag = domain::Tag,
    Tags = domain::Tags,
    Text = domain::Text,
    Title = domain::Title,
    WebAddress = domain::WebAddress,
    Year = domain::book::Year,
}

impl<T: JsonSchema> PartialSchema for As<T> {
    fn schema() -> RefOr<utoipa::openapi::Schema> {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let schema = settings.into_generator().into_root_schema_for::<T>();
        serde_json::from_value(told(schema.to_value())).expect("OpenAPI 3.1 takes JSON Schema")
    }
}

impl<T: JsonSchema> ToSchema for As<T> {
    fn name() -> Cow<'static, str> {
        T::schema_name()
    }
}

/// As a request may be: repeated tags are dropped, not refused, and of comments on the types only
/// the first paragraph is for clients. Variants are one `enum`, whether commented or not.
fn told(schema: Value) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    for key in ["title", "uniqueItems"] {
        schema.remove(key);
    }
    if let Some(Value::String(about)) = schema.get_mut("description") {
        *about = about.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    }
    if let Some(choices) = choices(&schema) {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), choices);
    }
    if let Some(items) = schema.remove("items") {
        schema.insert("items".to_owned(), told(items));
    }
    if let Some(Value::Object(properties)) = schema.remove("properties") {
        let properties = properties.into_iter().map(|(name, schema)| (name, told(schema)));
        schema.insert("properties".to_owned(), properties.collect());
    }
    Value::Object(schema)
}

fn choices(schema: &Map<String, Value>) -> Option<Value> {
    let mut choices = Vec::new();
    for variant in schema.get("oneOf")?.as_array()? {
        match (variant.get("const"), variant.get("enum").and_then(Value::as_array)) {
            (Some(one), _) => choices.push(one.clone()),
            (None, Some(several)) => choices.extend(several.iter().cloned()),
            (None, None) => return None,
        }
    }
    Some(Value::Array(choices))
}
