//! Who follows whom, newest first.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Path, Problem, Query};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["profiles", "follow_graph"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(my_followers))
        .routes(routes!(my_following))
        .routes(routes!(followers))
        .routes(routes!(following))
}

/// Somebody who follows or is followed.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Person {
    account: Uuid,
    #[schema(value_type = Option<String>)]
    display_name: Option<Value>,
    since: DateTime<Utc>,
    /// Each follows the other.
    mutual: bool,
    #[serde(skip)]
    position: i64,
}

const FOLLOWERS: &str = "
    select f.follower as account, p.display_name, f.since, f.position,
           exists (select from readmodel.follows back
                    where (back.follower, back.followee) = (f.followee, f.follower)) as mutual
      from readmodel.follows f left join readmodel.profiles p on p.account = f.follower
     where f.followee = $1 and ($2::bigint is null or f.position < $2)
     order by f.position desc limit $3";

const FOLLOWING: &str = "
    select f.followee as account, p.display_name, f.since, f.position,
           exists (select from readmodel.follows back
                    where (back.follower, back.followee) = (f.followee, f.follower)) as mutual
      from readmodel.follows f left join readmodel.profiles p on p.account = f.followee
     where f.follower = $1 and ($2::bigint is null or f.position < $2)
     order by f.position desc limit $3";

#[utoipa::path(
    get, path = "/accounts/me/followers", tag = "follow", params(Paging),
    responses((status = 200, description = "Who follows me", body = Page<Person>))
)]
async fn my_followers(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    people(app, asked, me, params, "followers", FOLLOWERS).await
}

#[utoipa::path(
    get, path = "/accounts/me/following", tag = "follow", params(Paging),
    responses((status = 200, description = "Whom I follow", body = Page<Person>))
)]
async fn my_following(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    people(app, asked, me, params, "following", FOLLOWING).await
}

#[utoipa::path(
    get, path = "/accounts/{id}/followers", tag = "follow", params(("id" = Uuid, Path), Paging),
    responses((status = 200, description = "Who follows an account", body = Page<Person>))
)]
async fn followers(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    people(app, asked, id, params, "followers", FOLLOWERS).await
}

#[utoipa::path(
    get, path = "/accounts/{id}/following", tag = "follow", params(("id" = Uuid, Path), Paging),
    responses((status = 200, description = "Whom an account follows", body = Page<Person>))
)]
async fn following(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    people(app, asked, id, params, "following", FOLLOWING).await
}

async fn people(
    app: App,
    asked: Asked,
    account: Uuid,
    params: Paging,
    list: &'static str,
    select: &'static str,
) -> Result<Response, Problem> {
    asked.member()?;
    let after: Option<i64> = decode_cursor(list, params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let known: bool =
            sqlx::query_scalar("select exists (select from readmodel.profiles where account = $1)")
                .bind(account)
                .fetch_one(view.db())
                .await?;
        if !known {
            return Err(crate::account::unknown());
        }
        let people: Vec<Person> = sqlx::query_as(select)
            .bind(account)
            .bind(after)
            .bind(params.limit.rows())
            .fetch_all(view.db())
            .await?;
        Answer::page(&uri, &Page::of(list, people, params.limit, |person| person.position))
    })
    .await
}
