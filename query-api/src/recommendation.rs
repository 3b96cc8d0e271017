//! What somebody may like next, and why.
//!
//! A ladder: what the fitted model says, and what those like whom the reader follows beside it; else
//! what people with the same likings like; else what hardly anybody knows yet but says much the
//! same; else the best of the genres rated 7 or more; else the best of the topics that the reader
//! chose; else what those like whom the reader follows; else the weekly list; else the top list, as
//! before the first weekly one; else the newest. Each item says which rung it comes from. The
//! profile is live: a rating changes the list as soon as the projections have passed it. What cannot
//! be had is on no rung.

mod choice;
mod co_occurrence;
mod explained;
mod followed;
mod meaning;
mod model;
mod rungs;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{ItemId, ItemKind, Tag};
use serde::{Deserialize, Deserializer, Serialize};
use service_kit::{Problem, Query, schema};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::{self, Item};
use crate::meaning::Meaning;
use crate::{Answer, App, Asked, Reads, View};
use choice::Choice;
pub use explained::{Explained, explain};
use meaning::Near;
use model::Model;
pub(crate) use model::Models;
use rungs::{Asking, Candidate, Rung};

const READS: Reads = &[
    "books",
    "courses",
    "products",
    "item_ratings",
    "features",
    "dismissals",
    "weekly_lists",
    "stock",
    "enrollments",
    "profiles",
    "follow_graph",
    "activity",
];

const LIMIT_DEFAULT: usize = 5;
const LIMIT_MAX: usize = 50;
/// Of what is asked for, at most this share is alike, unless told.
const SAME_MAX: f64 = 0.6;

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
    #[param(inline, value_type = Option<schema::Tag>)]
    category: Option<Tag>,
    /// 5 unless told, at most 50.
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 50)]
    limit: Option<usize>,
    /// At most so many of the same (first) genre, skill, category or tag, or by the same author, as long
    /// as anything else is left; three fifths of `limit` unless told.
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 50)]
    per_category: Option<usize>,
    /// Instead of an account's profile: `book:<uuid>,product:<uuid>`, what was looked at last first.
    items: Option<String>,
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    match usize::try_from(i64::deserialize(deserializer)?) {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(Some(limit)),
        _ => Err(serde::de::Error::custom(format_args!("a limit goes from 1 to {LIMIT_MAX}"))),
    }
}

/// For whom, of what, and how many.
#[derive(Debug, Default)]
struct Wish {
    reader: Option<Uuid>,
    /// Instead of the reader's profile.
    session: Option<Vec<ItemId>>,
    kind: Option<ItemKind>,
    category: Option<String>,
    limit: Option<usize>,
    per_category: Option<usize>,
}

/// Recommended items, best first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Recommendations {
    pub items: Vec<Recommended>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Recommended {
    #[serde(flatten)]
    pub item: Item,
    /// `model`, `co-occurrence`, `meaning`, `genres`, `topics`, `followed`, `weekly`, `top` or `newest`:
    /// the rung of the ladder.
    pub source: &'static str,
    pub score: f64,
    pub reasons: Vec<Reason>,
    pub model_version: String,
    /// The answer has seen the log up to here.
    pub position: i64,
}

/// Why: an item of the profile, or somebody I follow, and what it adds to the score; or a genre, or a
/// topic I chose.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reason {
    /// `book:<uuid>`, `account:<uuid>`, `genre:<name>`, `topic:<name>`, or `others`.
    pub because: String,
    /// Shares add up to the score, with those not shown in `others`.
    pub share: f64,
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
    let meaning = app.meaning().clone();
    let asked = asked.beside((model.as_deref().map(Model::version), meaning.now()));
    app.read(&asked, READS, move |mut view| async move {
        let wish = Wish {
            reader: reader.map(|account| account.uuid()),
            session,
            kind: params.kind,
            category: params.category.map(|category| category.to_string()),
            limit: params.limit,
            per_category: params.per_category,
        };
        Answer::json(&recommend(&mut view, model.as_deref(), &meaning, wish).await?)
    })
    .await
}

async fn recommend(
    view: &mut View,
    model: Option<&Model>,
    meaning: &Arc<Meaning>,
    wish: Wish,
) -> Result<Recommendations, Problem> {
    let position = view.positions.lowest();
    let db = view.db();
    let Wish { reader, session, kind, category, limit, per_category } = wish;
    let profile: Vec<ItemId> = match (session, reader) {
        (Some(items), _) => items.into_iter().take(rungs::PROFILE_MAX).collect(),
        (None, Some(reader)) => rungs::profile(db, reader).await?,
        (None, None) => Vec::new(),
    };
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    let same_max = per_category.unwrap_or_else(|| (limit as f64 * SAME_MAX).ceil() as usize);
    let choice = Choice::of(limit, same_max, category.is_none());
    let asking = Asking { kind, category, reader, profile };
    let chosen = climb(db, model, meaning, &asking, choice).await?;
    let ids = chosen.iter().map(|candidate| (candidate.kind.clone(), candidate.item));
    let mut items = item::fetch(db, reader, ids).await?;
    let items = chosen.into_iter().filter_map(|candidate| {
        let item = items.remove(&(candidate.kind.clone(), candidate.item))?;
        Some(recommended(item, candidate, position))
    });
    Ok(Recommendations { items: items.collect() })
}

/// Takes from each rung what the ones before left open; and if that is too little, from each what
/// was passed over because there was enough of it.
async fn climb(
    db: &mut PgConnection,
    model: Option<&Model>,
    meaning: &Arc<Meaning>,
    asking: &Asking,
    mut choice: Choice,
) -> Result<Vec<Candidate>, Problem> {
    let mut near = Near::of(meaning);
    loop {
        if let Some(model) = model {
            model.offer(db, asking, &mut choice).await?;
        }
        for rung in rungs::LADDER {
            rungs::offer(db, rung, asking, &mut choice).await?;
            if rung == Rung::CoOccurrence {
                near.offer(db, asking, &mut choice).await?;
            }
        }
        if choice.is_complete() || choice.enough().is_nothing() {
            return Ok(choice.chosen());
        }
        choice.take_more_of_the_same();
    }
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
