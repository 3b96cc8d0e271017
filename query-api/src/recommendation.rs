//! What somebody may like next, and why.
//!
//! A ladder: what the fitted model says; else what people with the same likings like; else the best of the genres rated 7 or more;
//! else the weekly list; else the top list, as before the first weekly one; else the newest. Each
//! item says which rung it comes from. The profile is live: a rating changes the list as soon as the
//! projections have passed it.

mod model;
mod rungs;

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use domain::{ItemId, ItemKind};
use serde::{Deserialize, Deserializer, Serialize};
use service_kit::{Problem, Query, schema};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::{self, Item};
use crate::{Answer, App, Asked, Reads};
use model::Model;
pub(crate) use model::Models;
use rungs::{Asking, Candidate};

const READS: Reads =
    &["books", "courses", "products", "item_ratings", "features", "dismissals", "weekly_lists"];

const LIMIT_DEFAULT: i64 = 5;
const LIMIT_MAX: i64 = 50;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(recommendations))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// `book`, `course` or `product`; without it, all three.
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
    /// Only items of this genre, skill, category or tag.
    category: Option<String>,
    /// 5 unless told, at most 50.
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 50)]
    limit: Option<i64>,
    /// Instead of an account's profile: `book:<uuid>,product:<uuid>`, what was looked at last first.
    items: Option<String>,
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let limit = i64::deserialize(deserializer)?;
    if (1..=LIMIT_MAX).contains(&limit) {
        Ok(Some(limit))
    } else {
        Err(serde::de::Error::custom(format_args!("a limit goes from 1 to {LIMIT_MAX}")))
    }
}

/// Recommended items, best first.
#[derive(Debug, Serialize, ToSchema)]
struct Recommendations {
    items: Vec<Recommended>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Recommended {
    #[serde(flatten)]
    item: Item,
    /// `model`, `co-occurrence`, `genres`, `weekly`, `top` or `newest`: the rung of the ladder.
    source: &'static str,
    score: f64,
    reasons: Vec<Reason>,
    model_version: String,
    /// The answer has seen the log up to here.
    position: i64,
}

/// Why: an item of the profile and what it adds to the score; or a genre.
#[derive(Debug, Serialize, ToSchema)]
struct Reason {
    /// `book:<uuid>`, or `genre:<name>`.
    because: String,
    /// Shares add up to the score, with those not shown in `others`.
    share: f64,
}

#[utoipa::path(
    get, path = "/recommendations", tag = "recommendations", params(Params),
    security((), ("bearer" = [])),
    responses((status = 200, description = "What to try next", body = Recommendations))
)]
async fn recommendations(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let session = params.items.as_deref().map(item::parse_list).transpose()?;
    let reader = match &session {
        Some(_) => asked.account(),
        None => Some(asked.member()?),
    };
    let model = app.models().serving(app.pool()).await?;
    let asked = asked.beside(model.as_deref().map(Model::version));
    app.read(&asked, READS, move |mut view| async move {
        let reader = reader.map(|account| account.uuid());
        let position = view.positions.lowest();
        let db = view.db();
        let profile: Vec<ItemId> = match (session, reader) {
            (Some(items), _) => items.into_iter().take(rungs::PROFILE_MAX).collect(),
            (None, Some(reader)) => rungs::profile(db, reader).await?,
            (None, None) => Vec::new(),
        };
        let asking = Asking {
            kind: params.kind,
            category: params.category.map(|category| category.trim().to_lowercase()),
            reader,
            profile,
        };
        let limit = params.limit.unwrap_or(LIMIT_DEFAULT);
        let chosen = climb(db, model.as_deref(), &asking, limit).await?;
        let ids = chosen.iter().map(|candidate| (candidate.kind.clone(), candidate.item));
        let mut items = item::fetch(db, reader, ids).await?;
        let items = chosen
            .into_iter()
            .filter_map(|candidate| {
                let item = items.remove(&(candidate.kind.clone(), candidate.item))?;
                Some(recommended(item, candidate, position))
            })
            .collect();
        Answer::json(&Recommendations { items })
    })
    .await
}

/// Takes from each rung what the ones before left open.
async fn climb(
    db: &mut PgConnection,
    model: Option<&Model>,
    asking: &Asking,
    limit: i64,
) -> Result<Vec<Candidate>, Problem> {
    let wanted = usize::try_from(limit).unwrap_or_default();
    let mut chosen: Vec<Candidate> = match model {
        Some(model) => model.candidates(db, asking, wanted).await?,
        None => Vec::new(),
    };
    let mut taken: BTreeSet<(String, Uuid)> =
        chosen.iter().map(|candidate| (candidate.kind.clone(), candidate.item)).collect();
    for rung in rungs::LADDER {
        if chosen.len() >= wanted {
            break;
        }
        for candidate in rungs::candidates(db, rung, asking, limit).await? {
            let key = (candidate.kind.clone(), candidate.item);
            if chosen.len() < wanted && taken.insert(key) {
                chosen.push(candidate);
            }
        }
    }
    Ok(chosen)
}

fn recommended(item: Item, mut candidate: Candidate, position: i64) -> Recommended {
    if candidate.shares.is_empty() {
        // A rule knows why, not how much: every reason counts the same.
        let share = candidate.score / candidate.because.len().max(1) as f64;
        candidate.shares = vec![share; candidate.because.len()];
    }
    let mut reasons: Vec<Reason> = candidate
        .because
        .into_iter()
        .zip(candidate.shares)
        .map(|(because, share)| Reason { because, share })
        .collect();
    let shown: f64 = reasons.iter().map(|reason| reason.share).sum();
    let rest = candidate.score - shown;
    if !reasons.is_empty() && rest.abs() > 1e-9 {
        reasons.push(Reason { because: "others".to_owned(), share: rest });
    }
    Recommended {
        item,
        source: candidate.source,
        score: candidate.score,
        reasons,
        model_version: candidate.version,
        position,
    }
}
