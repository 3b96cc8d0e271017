//! Who says what is near: an index knows texts alone, so it is asked for more until enough of those
//! who say them may be found.

use std::sync::{Arc, PoisonError, RwLock};

use domain::ItemId;
use processes::vectors::{IndexError, Nearest, VectorIndex};
use retrieval::{Hit, Vector};
use tokio::task::spawn_blocking;

use super::COSINE_MIN;
use super::catalogue::{Catalogue, Facts};

/// Texts that are asked for at first, for each item that is wanted; and how many times as many
/// next.
const TEXTS_FOR_ITEM: usize = 2;
const MORE: usize = 4;
/// An index that others keep is asked for no more than this. Of what is rarer than one in a hundred
/// of them, not all is found; in memory it is.
const TEXTS_MAX: usize = 20_000;

pub(super) async fn nearest(
    index: &dyn VectorIndex,
    catalogue: &Arc<RwLock<Catalogue>>,
    to: &Vector,
    limit: usize,
    admits: impl Fn(&ItemId, &Facts) -> bool + Send + Sync + 'static,
) -> Result<Vec<Hit<ItemId>>, IndexError> {
    let admits = Arc::new(admits);
    let mut few = limit.saturating_mul(TEXTS_FOR_ITEM).min(TEXTS_MAX);
    loop {
        let Nearest { hits, is_all } = index.nearest(to, few, COSINE_MIN).await?;
        let (catalogue, admits) = (Arc::clone(catalogue), Arc::clone(&admits));
        // Of a filter that lets in few, all that is near is looked at: some milliseconds.
        let found = spawn_blocking(move || {
            let catalogue = catalogue.read().unwrap_or_else(PoisonError::into_inner);
            catalogue.found(&hits, limit, |item, facts| admits(item, facts))
        });
        let found = found.await.map_err(|_| IndexError::GivenUp)?;
        if found.len() == limit || is_all || few == TEXTS_MAX {
            return Ok(found);
        }
        few = few.saturating_mul(MORE).min(TEXTS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use domain::ItemKind;
    use processes::texts::{Described, TextHash};
    use processes::vectors::Vectors;
    use retrieval::{DIMENSIONS, text_hash};
    use sqlx::PgPool;
    use uuid::Uuid;

    use super::super::catalogue::Entry;
    use super::*;

    const ITEMS: usize = 300;

    fn item(number: usize) -> ItemId {
        ItemId::new(ItemKind::Book, Uuid::from_u128(number as u128))
    }

    /// The further the higher its number, a quarter of a degree each.
    fn vector(number: usize) -> Vector {
        let mut numbers = vec![0.0; DIMENSIONS];
        let angle = (number as f32 / 4.0).to_radians();
        (numbers[0], numbers[1]) = (angle.cos(), angle.sin());
        Vector::new(numbers).expect("it has a direction")
    }

    fn text(number: usize) -> TextHash {
        text_hash(&format!("text {number}"))
    }

    async fn finds(vectors: Vectors) {
        let index = vectors.of("a model");
        let mut catalogue = Catalogue::default();
        let book = |number: usize| Described {
            item: item(number),
            shown: true,
            labels: vec![],
            audience: None,
            price: None,
            texts: vec![text(number)],
        };
        let books = (1..=ITEMS).map(book);
        let all_passages = (0..ITEMS).map(|number| text(1_000 + number)).collect();
        let course = Described { texts: all_passages, ..book(0) };
        catalogue.describe(books.chain([course]).map(Entry::of).collect());
        let of_books = (1..=ITEMS).map(|number| (text(number), vector(number)));
        let of_course = (0..ITEMS).map(|n| (text(1_000 + n), vector(0)));
        let all: HashMap<_, _> = of_books.chain(of_course).collect();
        index.put(&all).await.expect("it can be asked");
        let catalogue = Arc::new(RwLock::new(catalogue));
        type Admits = fn(&ItemId, &Facts) -> bool;
        let found = async |limit: usize, admits: Admits| -> Vec<ItemId> {
            let found = nearest(&*index, &catalogue, &vector(0), limit, admits).await;
            found.expect("it can be asked").iter().map(|hit| hit.id).collect()
        };

        let everything: Admits = |_, _| true;
        let first: Vec<ItemId> = (0..4).map(item).collect();
        assert_eq!(found(4, everything).await, first, "one long course is one item");
        let far: Admits = |item, _| item.id.as_u128() >= 250;
        assert_eq!(found(2, far).await, [item(250), item(251)], "though much else is nearer");
        assert_eq!(found(400, everything).await.len(), 1 + ITEMS, "there is no more");
        assert_eq!(found(5, |_, _| false).await, []);
    }

    #[tokio::test]
    async fn in_memory_so_many_different_items_are_found_however_near_the_others_are() {
        finds(Vectors::Memory).await;
    }

    #[tokio::test]
    async fn in_an_index_that_knows_no_items_they_are_found_too() {
        let Some(url) = local_services::testing::pgvector_url() else { return };
        let pool = PgPool::connect(&url).await;
        let vectors = Vectors::postgres(&pool.expect("it is reachable")).await;
        finds(vectors.expect("pgvector is there")).await;
    }
}
