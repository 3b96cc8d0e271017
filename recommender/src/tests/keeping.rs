//! What is kept is what was fitted.

use super::WORLD;
use crate::similarity::{Nearness, nearest};
use crate::{Counts, Scorer, ease, recency};

#[test]
fn a_scorer_read_back_ranks_the_same_and_nothing_else_is_one() {
    let histories = WORLD.histories();
    let fitted = ease::fit_best_known(&histories, 100, 20.0, 30, 2).expect("it has an inverse");
    let near = nearest(&histories, Nearness::Cosine { shrink: 3.0 }, 20, 2);
    let scorer = Scorer::blend(vec![(1.0, fitted), (1.5, near)]);
    let bytes = scorer.to_bytes().expect("both are sparse");

    let again = Scorer::from_bytes(&bytes).expect("it is one");
    assert_eq!(again.to_bytes().as_ref(), Ok(&bytes));
    let profile = recency(histories.of_person(3), 1.0);
    let items = |scorer: &Scorer| -> Vec<u32> {
        scorer.scores(&profile).top(10, |_| true).into_iter().map(|(item, _)| item).collect()
    };
    assert_eq!(items(&again), items(&scorer));

    for wrong in [&bytes[..bytes.len() - 1], &bytes[1..], &[&bytes[..], &[0]].concat(), b""] {
        assert!(Scorer::from_bytes(wrong).is_err());
    }
    let dense = ease::fit(&Counts::of(&histories, 1), 20.0, 1).expect("it has an inverse");
    assert!(Scorer::one(dense).to_bytes().is_err());
}
