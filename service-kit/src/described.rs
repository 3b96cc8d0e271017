//! What the description says of a request: who may send it, and what it may have. A field that nobody
//! reads is refused like one that nobody knows, instead of being passed over in silence.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::Method;
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

use crate::who::Who;
use crate::{Problem, json};

/// Who may ask, and whether there is a body and parameters in the query.
#[derive(Debug, Clone)]
struct Takes {
    who: Who,
    body: bool,
    query: bool,
    /// The media types of a body that is not JSON.
    uploads: Vec<String>,
}

/// By route and method. What is not described is not judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Described(Arc<HashMap<String, HashMap<Method, Takes>>>);

/// The body of a command without one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Described {
    pub fn by(api: &OpenApi) -> Self {
        let takes = |(path, item): (&String, &PathItem)| (path.clone(), methods(item).collect());
        Self(Arc::new(api.paths.paths.iter().map(takes).collect()))
    }

    pub fn who(&self, route: &str, method: &Method) -> Who {
        self.takes(route, method).map_or(Who::Anybody, |takes| takes.who.clone())
    }

    /// The media types that the operation takes, if its body is an upload.
    pub fn uploads(&self, route: &str, method: &Method) -> Option<&[String]> {
        let types = &self.takes(route, method)?.uploads;
        if types.is_empty() { None } else { Some(types) }
    }

    /// What the request has too much, if anything.
    pub fn superfluous(&self, route: &str, parts: &Parts, body: &[u8]) -> Option<Problem> {
        let takes = self.takes(route, &parts.method)?;
        if let Some(query) = parts.uri.query().filter(|query| !takes.query && !query.is_empty()) {
            let name = query.split(['=', '&']).next().unwrap_or_default();
            let detail = format!("unknown field `{name}`, there are no fields");
            return Some(Problem::invalid(format!("/query/{name}"), detail));
        }
        if takes.body || body.is_empty() {
            return None;
        }
        json::parse::<Option<Nothing>>(body).err()
    }

    fn takes(&self, route: &str, method: &Method) -> Option<&Takes> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(route)?.get(method)
    }
}

fn methods(item: &PathItem) -> impl Iterator<Item = (Method, Takes)> {
    let all = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, takes(operation.as_ref()?))))
}

fn takes(operation: &Operation) -> Takes {
    let parameters = operation.parameters.iter().flatten();
    let in_query = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => false,
    };
    let query = parameters.into_iter().any(in_query);
    let content = operation.request_body.iter().filter_map(|body| match body {
        RefOr::T(body) => Some(body.content.keys()),
        RefOr::Ref(_) => None,
    });
    let mut uploads: Vec<String> = content.flatten().cloned().collect();
    uploads.retain(|kind| kind != "application/json");
    Takes { who: Who::of(operation), body: operation.request_body.is_some(), query, uploads }
}
