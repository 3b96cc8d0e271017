//! My API keys: what each may do and when it was last used. The keys themselves nobody can see again.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::Problem;
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["api_keys"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine))
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct ApiKey {
    id: Uuid,
    #[schema(value_type = String)]
    name: Value,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    /// Null if it never was.
    #[sqlx(skip)]
    last_used_on: Option<NaiveDate>,
}

/// All there are: never more than an account may have.
#[derive(Debug, Serialize, ToSchema)]
struct ApiKeys {
    items: Vec<ApiKey>,
}

#[utoipa::path(
    get, path = "/accounts/me/keys", tag = "accounts",
    responses((status = 200, description = "My API keys, newest first; at most 20", body = ApiKeys))
)]
async fn mine(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    let used: BTreeMap<Uuid, NaiveDate> = sqlx::query_as::<_, (Uuid, NaiveDate)>(
        "select id, last_used_on from identity.api_keys
         where account = $1 and last_used_on is not null",
    )
    .bind(me)
    .fetch_all(app.pool())
    .await?
    .into_iter()
    .collect();
    let asked = asked.beside(&used);
    app.read(&asked, READS, move |mut view| async move {
        let mut items: Vec<ApiKey> = sqlx::query_as(
            "select key as id, name, scopes, created_at from readmodel.api_keys
              where account = $1 order by position desc",
        )
        .bind(me)
        .fetch_all(view.db())
        .await?;
        for key in &mut items {
            key.last_used_on = used.get(&key.id).copied();
        }
        Answer::json(&ApiKeys { items })
    })
    .await
}
