//! Why somebody is recommended what: for those who run the system, without asking over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{AccountId, ItemId, ItemKind};
use processes::vectors::TextSearch;
use service_kit::Problem;
use sqlx::PgPool;

use super::{Models, READS, Recommendations, Wish, recommend};
use crate::meaning::Meaning;
use crate::{View, item};

/// The answer, and the titles of the items that its reasons name.
#[derive(Debug)]
pub struct Explained {
    pub recommendations: Recommendations,
    pub titles: BTreeMap<String, String>,
}

/// What `GET /recommendations` would answer the account at this moment, but for neighbours by meaning:
/// their index is in the memory of the query side.
pub async fn explain(
    pool: &PgPool,
    account: AccountId,
    kind: Option<ItemKind>,
    limit: usize,
) -> Result<Explained, Problem> {
    let model = Models::default().serving(pool).await?;
    let off = TextSearch::off("nobody waits for it here");
    let meaning = Arc::new(Meaning::new(pool.clone(), off));
    let mut view = View::open(pool, READS).await?;
    let reader = Some(account.uuid());
    let wish = Wish { reader, kind, limit: Some(limit), ..Wish::default() };
    let recommendations = recommend(&mut view, model.as_deref(), &meaning, wish).await?;
    let reasons = recommendations.items.iter().flat_map(|recommended| &recommended.reasons);
    let named = reasons.filter_map(|reason| reason.because.parse::<ItemId>().ok());
    let ids: Vec<_> = named.map(|item| (item.kind.name().to_owned(), item.id)).collect();
    let items = item::fetch(view.db(), None, ids).await?;
    let titles = items.into_values().map(|item| (item.item, item.title)).collect();
    Ok(Explained { recommendations, titles })
}
