//! Every route there is, as the description has them: for tests of what holds for all alike.

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::daybook;

/// One method of one path.
pub struct Route<'a> {
    pub method: Method,
    pub path: &'a str,
    pub operation: &'a Value,
}

/// `/openapi.json`, from the program itself: nothing has to run for it.
pub fn description() -> Value {
    let output = daybook().arg("openapi").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn routes(description: &Value) -> impl Iterator<Item = Route<'_>> {
    let paths = description["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().filter_map(|(method, operation)| {
            let method = method.to_uppercase().parse().ok().filter(is_described)?;
            Some(Route { method, path, operation })
        })
    })
}

/// An item has more members than methods, and reqwest takes any word for one.
fn is_described(method: &Method) -> bool {
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method)
}

/// Whom a route admits, whatever else its rules ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Admitted {
    Anybody,
    Members,
    Roles(Vec<String>),
}

impl Admitted {
    pub fn admits(&self, role: &str) -> bool {
        match self {
            Self::Anybody => true,
            Self::Members => role != NOBODY,
            Self::Roles(roles) => roles.iter().any(|one| one == role),
        }
    }
}

/// Whoever sends no token.
pub const NOBODY: &str = "no token";

impl Route<'_> {
    /// The type of a body that is no JSON.
    pub fn upload(&self) -> Option<&str> {
        let taken = self.operation["requestBody"]["content"].as_object()?;
        taken.keys().map(String::as_str).find(|kind| *kind != "application/json")
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path.trim_start_matches("/api/v1"))
    }

    pub fn admitted(&self) -> Admitted {
        let mut roles = Vec::new();
        for alternative in self.operation["security"].as_array().unwrap() {
            match alternative["bearer"].as_array() {
                None => return Admitted::Anybody,
                Some(names) if names.is_empty() => return Admitted::Members,
                Some(names) => roles.extend(names.iter().map(|n| n.as_str().unwrap().to_owned())),
            }
        }
        Admitted::Roles(roles)
    }

    /// The path with something in its places that is of the right form and of nobody.
    pub fn filled(&self) -> String {
        let id = Uuid::now_v7().to_string();
        let parameters = self.operation["parameters"].as_array();
        let is_number = |part: &str| {
            let named = |parameter: &&Value| {
                parameter["in"] == "path" && part.trim_matches(['{', '}']) == parameter["name"]
            };
            let known = parameters.and_then(|all| all.iter().find(named));
            known.is_some_and(|parameter| parameter["schema"]["type"] == "integer")
        };
        let parts = self.path.split('/').map(|part| match part {
            "{kind}" => "books",
            "{role}" => "analyst",
            part if part.starts_with('{') && is_number(part) => "1",
            part if part.starts_with('{') => &id,
            part => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }
}
