//! What the description of every operation repeats: errors, the bearer token, limits of parameters.

use utoipa::Number;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{
    Components, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ArrayBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response,
    ResponseBuilder,
};

use crate::page::{CURSOR_CHARS_MAX, Limit};
use crate::parameters::TEXT_CHARS_MAX;

const PROBLEM: &str = "Problem";
pub(crate) const BEARER: &str = "bearer";

pub(crate) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Daybook")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Commands (POST, PUT, PATCH, DELETE) answer with a receipt and a Consistency-Token; \
             a GET that sends the token back sees what the command did. Every answer from 400 on \
             is a problem (RFC 9457) whose `type` leads to a page about it.",
        ))
        .build();
    OpenApiBuilder::new().info(info).build()
}

/// Adds to each operation what all of them have, so that no slice has to repeat it.
pub(crate) fn finish(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_with(Components::new);
    components.schemas.insert(PROBLEM.to_owned(), RefOr::T(problem_schema()));
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build();
    let response = ResponseBuilder::new()
        .description("Not done; `code` says why")
        .content("application/problem+json", content)
        .build();
    components.responses.insert(PROBLEM.to_owned(), RefOr::T(response));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    for item in api.paths.paths.values_mut() {
        for operation in operations(item) {
            operation
                .responses
                .responses
                .entry("default".to_owned())
                .or_insert_with(|| RefOr::Ref(Ref::from_response_name(PROBLEM)));
            operation.security.get_or_insert_with(|| {
                vec![SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, [])]
            });
            operation.parameters.iter_mut().flatten().for_each(limited);
            document_answers(operation);
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .flatten()
}

/// What every slice answers without saying so: a command that had nothing to do is done and not
/// created, and what comes as a table comes as CSV.
fn document_answers(operation: &mut Operation) {
    let is_table = operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name == "format",
        RefOr::Ref(_) => false,
    });
    let answers = &mut operation.responses.responses;
    if is_table && let Some(RefOr::T(ok)) = answers.get_mut("200") {
        let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).build();
        let table = ContentBuilder::new().schema(Some(Schema::from(text))).build();
        ok.content.entry("text/csv".to_owned()).or_insert(RefOr::T(table));
    }
    let done = ["201", "202"].into_iter().find_map(|status| answers.get(status));
    if let Some(RefOr::T(mut unchanged)) = done.cloned().filter(is_receipt) {
        unchanged.description = "There was nothing to do".to_owned();
        answers.entry("200".to_owned()).or_insert(RefOr::T(unchanged));
    }
}

fn is_receipt(answer: &RefOr<Response>) -> bool {
    let RefOr::T(answer) = answer else { return false };
    match answer.content.get("application/json") {
        Some(RefOr::T(content)) => match &content.schema {
            Some(RefOr::Ref(schema)) => schema.ref_location.ends_with("/Receipt"),
            _ => false,
        },
        _ => false,
    }
}

/// A parameter is there or not, never null, and has the limits that its extractor holds it to
/// unless it says closer ones.
fn limited(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    let Some(schema) = &mut parameter.schema else { return };
    if let RefOr::T(Schema::OneOf(either)) = schema {
        let is_null = |option: &RefOr<Schema>| match option {
            RefOr::T(Schema::Object(option)) => option.schema_type == SchemaType::Type(Type::Null),
            _ => false,
        };
        if let Some(value) = either.items.iter().find(|option| !is_null(option)) {
            *schema = value.clone();
        }
    }
    let RefOr::T(Schema::Object(schema)) = schema else { return };
    if let SchemaType::Array(types) = &schema.schema_type
        && let Some(kind) = types.iter().find(|kind| **kind != Type::Null)
    {
        schema.schema_type = SchemaType::Type(kind.clone());
    }
    match &schema.schema_type {
        SchemaType::Type(Type::String) => limit_text(&parameter.name, schema),
        SchemaType::Type(Type::Integer) => limit_number(&parameter.name, schema),
        _ => {}
    }
}

fn limit_text(name: &str, schema: &mut Object) {
    if schema.format.is_some() || schema.enum_values.is_some() || schema.max_length.is_some() {
        return;
    }
    let is_cursor = name == "cursor";
    schema.max_length = Some(if is_cursor { CURSOR_CHARS_MAX } else { TEXT_CHARS_MAX });
    schema.min_length = schema.min_length.or(is_cursor.then_some(1));
}

fn limit_number(name: &str, schema: &mut Object) {
    if schema.maximum.is_some() {
        return;
    }
    let (minimum, maximum) = match &schema.format {
        _ if name == "limit" => (1, isize::from(Limit::MAX as i16)),
        Some(SchemaFormat::KnownFormat(KnownFormat::Int64)) => {
            (i64::MIN as isize, i64::MAX as isize)
        }
        _ => return,
    };
    schema.maximum = Some(Number::Int(maximum));
    if name == "limit" || schema.minimum.is_none() {
        schema.minimum = Some(Number::Int(minimum));
    }
}

fn problem_schema() -> Schema {
    let text = |about: &str| {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).description(Some(about))
    };
    let field = ObjectBuilder::new()
        .property("pointer", text("RFC 6901 pointer to the field"))
        .property("detail", text("What is wrong with it"))
        .required("pointer")
        .required("detail");
    let status = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    let problem = ObjectBuilder::new()
        .property("type", text("A page about this kind of problem"))
        .property("title", text("The kind of problem, for a person"))
        .property("status", status)
        .property("detail", text("What went wrong this time"))
        .property("instance", text("The path that was asked for"))
        .property("code", text("The kind of problem, for a program"))
        .property("trace_id", text("Find it in the logs by this"))
        .property("errors", ArrayBuilder::new().items(field));
    ["type", "title", "status", "detail", "code"]
        .into_iter()
        .fold(problem, |problem, name| problem.required(name))
        .build()
        .into()
}
