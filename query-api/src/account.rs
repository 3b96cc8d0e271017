//! Who somebody is: everything for oneself, the public side for others.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::{Path, Problem};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["profiles", "follow_graph"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(me)).routes(routes!(account))
}

/// Everything about oneself.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Me {
    id: Uuid,
    #[schema(value_type = Option<String>)]
    display_name: Option<Value>,
    #[schema(value_type = Option<String>)]
    email: Option<Value>,
    #[schema(value_type = Option<String>)]
    phone: Option<Value>,
    language: Option<String>,
    topics: Vec<String>,
    channels: Vec<String>,
    roles: Vec<String>,
    state: String,
    followers: i64,
    following: i64,
    registered_at: DateTime<Utc>,
    #[serde(skip)]
    sequence: i64,
}

#[utoipa::path(
    get, path = "/accounts/me", tag = "accounts",
    responses((status = 200, description = "My account", body = Me))
)]
async fn me(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let account = asked.member()?.uuid();
    app.read(&asked, READS, move |mut view| async move {
        let me: Option<Me> = sqlx::query_as(
            "select p.account as id, display_name, email, phone, language, topics, channels,
                    array['member'] || array(select role from readmodel.roles r
                                              where r.account = p.account order by role) as roles,
                    state, coalesce(followers, 0) as followers, coalesce(following, 0) as following,
                    registered_at, sequence
               from readmodel.profiles p
               left join readmodel.follow_counts c on c.account = p.account
              where p.account = $1",
        )
        .bind(account)
        .fetch_optional(view.db())
        .await?;
        let me = me.ok_or_else(unknown)?;
        Ok(Answer::json(&me)?.of_sequence(me.sequence))
    })
    .await
}

/// What others may know of an account.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Account {
    id: Uuid,
    /// Null once the person has been erased.
    #[schema(value_type = Option<String>)]
    display_name: Option<Value>,
    state: String,
    followers: i64,
    following: i64,
    followed_by_me: bool,
    follows_me: bool,
    registered_at: DateTime<Utc>,
    #[serde(skip)]
    sequence: i64,
}

#[utoipa::path(
    get, path = "/accounts/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = 200, description = "An account", body = Account))
)]
async fn account(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let reader = asked.member()?.uuid();
    app.read(&asked, READS, move |mut view| async move {
        let account: Option<Account> = sqlx::query_as(
            "select p.account as id, display_name, state,
                    coalesce(followers, 0) as followers, coalesce(following, 0) as following,
                    exists (select from readmodel.follows
                             where (follower, followee) = ($2, $1)) as followed_by_me,
                    exists (select from readmodel.follows
                             where (follower, followee) = ($1, $2)) as follows_me,
                    registered_at, sequence
               from readmodel.profiles p
               left join readmodel.follow_counts c on c.account = p.account
              where p.account = $1",
        )
        .bind(id)
        .bind(reader)
        .fetch_optional(view.db())
        .await?;
        let account = account.ok_or_else(unknown)?;
        Ok(Answer::json(&account)?.of_sequence(account.sequence))
    })
    .await
}

pub fn unknown() -> Problem {
    Problem::not_found("account-unknown", "there is no such account")
}
