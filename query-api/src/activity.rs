//! What those whom I follow did, newest first.
//!
//! Whom I follow is looked up when I ask: who is followed no longer is gone from the list at once,
//! and so is everything of and about people who have been erased.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Problem, Query};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::{self, Item};
use crate::{Answer, App, Asked, Reads};

const READS: Reads =
    &["activity", "follow_graph", "profiles", "books", "courses", "products", "item_ratings"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(feed))
}

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
struct Activity {
    actor: Named,
    /// `rated`, `favourited`, `enrolled`, `completed` or `followed`
    deed: String,
    /// What was rated, favourited, enrolled in or completed.
    item: Option<Item>,
    /// Who was followed.
    followed: Option<Named>,
    /// What the item was given, if it was rated.
    score: Option<i16>,
    at: DateTime<Utc>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Named {
    account: Uuid,
    #[schema(value_type = Option<String>)]
    display_name: Option<Value>,
}

#[derive(Debug, FromRow)]
struct Row {
    actor: Uuid,
    actor_name: Option<Value>,
    deed: String,
    kind: String,
    object: Uuid,
    object_name: Option<Value>,
    score: Option<i16>,
    at: DateTime<Utc>,
    position: i64,
}

/// The newest of each, then the newest of all. Whoever is left out is left out before the limit: a
/// page that is not full is the last one.
const FEED: &str = "
    select did.*, p.display_name as actor_name
      from readmodel.follows f
      join readmodel.profiles p on p.account = f.followee and p.state <> 'erased'
     cross join lateral (
           select a.actor, a.deed, a.kind, a.object, o.display_name as object_name, a.score, a.at,
                  a.position
             from readmodel.activity a
             left join readmodel.profiles o on a.kind = 'account' and o.account = a.object
            where a.actor = f.followee and ($2::bigint is null or a.position < $2)
              and (a.kind <> 'account' or o.state <> 'erased')
            order by a.position desc limit $3) did
     where f.follower = $1
     order by did.position desc limit $3";

#[utoipa::path(
    get, path = "/accounts/me/feed", tag = "follow", params(Paging),
    responses((status = 200, description = "What those whom I follow did, newest first",
               body = Page<Activity>))
)]
async fn feed(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    let reader = asked.member()?.uuid();
    let after: Option<i64> = decode_cursor("feed", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let rows: Vec<Row> = sqlx::query_as(FEED)
            .bind(reader)
            .bind(after)
            .bind(params.limit.rows())
            .fetch_all(view.db())
            .await?;
        let page = Page::of("feed", rows, params.limit, |row| row.position);
        let ids = page.items.iter().filter(|row| row.kind != "account");
        let ids = ids.map(|row| (row.kind.clone(), row.object));
        let items = item::fetch(view.db(), Some(reader), ids).await?;
        let next = page.next;
        let activities = page.items.into_iter().filter_map(|row| {
            let actor = Named { account: row.actor, display_name: row.actor_name };
            let (item, followed) = match row.kind.as_str() {
                "account" => {
                    (None, Some(Named { account: row.object, display_name: row.object_name }))
                }
                _ => (Some(items.get(&(row.kind, row.object))?.clone()), None),
            };
            let Row { deed, score, at, .. } = row;
            Some(Activity { actor, deed, item, followed, score, at })
        });
        Answer::page(&uri, &Page { items: activities.collect(), next })
    })
    .await
}
