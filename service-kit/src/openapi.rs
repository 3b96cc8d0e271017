//! What the description of every operation repeats: errors, the bearer token, our headers.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Components, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ArrayBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
};

const PROBLEM: &str = "Problem";
const BEARER: &str = "bearer";

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
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .flatten()
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
