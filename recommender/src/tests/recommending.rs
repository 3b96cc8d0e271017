//! What a reader sees.

use super::WORLD;
use crate::similarity::{Nearness, cosine, jaccard, nearest, popularity};
use crate::{Counts, Histories, Item, Model, Scorer, ease, recency, top};

/// How many of the first five are to a person's taste.
fn to_taste(scorer: &Scorer, profile: &[Item], taste: usize) -> usize {
    let profile = recency(profile, 1.0);
    let scores = scorer.scores(&profile);
    let list = scores.top(5, |item| !profile.iter().any(|(liked, _)| *liked == item));
    list.iter().filter(|(item, _)| WORLD.taste_of_item(*item) == taste).count()
}

fn models(histories: &Histories) -> Vec<(&'static str, Scorer)> {
    let counts = Counts::of(histories, 2);
    let fitted = ease::fit(&counts, 20.0, 2).expect("it has an inverse");
    let best_known = ease::fit_best_known(histories, 90, 20.0, 40, 2).expect("it has an inverse");
    let near = |nearness| nearest(histories, nearness, 20, 2);
    vec![
        ("EASE", Scorer::one(fitted.clone())),
        ("EASE of the best known", Scorer::one(best_known)),
        ("its strongest", Scorer::one(fitted.strongest(40))),
        ("Jaccard", Scorer::one(jaccard(&counts))),
        ("cosine", Scorer::one(cosine(&counts))),
        ("nearest by cosine", Scorer::one(near(Nearness::Cosine { shrink: 1.0 }))),
        ("nearest by BM25", Scorer::one(near(Nearness::Bm25 { k1: 1.2, b: 0.8 }))),
        ("blend", Scorer::blend(vec![(1.0, fitted), (0.5, cosine(&counts))])),
    ]
}

#[test]
fn three_items_of_a_taste_are_enough_to_know_it() {
    let histories = WORLD.histories();
    for (name, scorer) in models(&histories) {
        for taste in 0..WORLD.tastes {
            let liked: Vec<Item> = (2..5).map(|nth| (nth * WORLD.tastes + taste) as Item).collect();
            let found = to_taste(&scorer, &liked, taste);
            assert!(found >= 4, "{name} finds {found} of 5 for taste {taste}");
        }
    }
    let popular = Scorer::one(popularity(&histories));
    let found: usize = (0..WORLD.tastes).map(|taste| to_taste(&popular, &[], taste)).sum();
    assert_eq!(found, 5, "a list for everybody is shared by all tastes");
}

#[test]
fn shares_add_up_to_the_score() {
    let histories = WORLD.histories();
    for (name, scorer) in models(&histories) {
        for person in [0, 5, 399] {
            let profile = recency(histories.of_person(person), 1.0);
            let scores = scorer.scores(&profile);
            for (item, score) in scores.top(10, |_| true) {
                let reasons = scores.reasons(item);
                let sum: f64 = reasons.iter().map(|reason| reason.share).sum();
                assert!((sum - score).abs() < 1e-6, "{name}: {sum} is not {score}");
                let known = |reason: &crate::Reason| profile.iter().any(|p| p.0 == reason.liked);
                assert!(reasons.iter().all(known), "a reason is something the reader liked");
            }
        }
    }
}

#[test]
fn a_blend_with_one_that_says_nothing_is_the_other() {
    let counts = Counts::of(&WORLD.histories(), 2);
    let silent = Model::Constant(vec![0.0; WORLD.items]);
    let blend = Scorer::blend(vec![(1.0, cosine(&counts)), (1.0, silent)]);
    let alone = Scorer::one(cosine(&counts));
    let profile = recency(&[1, 7, 13], 1.0);
    let list = |scorer: &Scorer| -> Vec<Item> {
        scorer.scores(&profile).top(10, |_| true).into_iter().map(|(item, _)| item).collect()
    };
    assert_eq!(list(&blend), list(&alone));
}

#[test]
fn the_lower_of_equal_items_comes_first_and_what_is_masked_never() {
    let scores = [1.0, 3.0, 2.0, 3.0, 2.0, 0.0];
    let list = |count, masked: Item| -> Vec<Item> {
        top(&scores, count, |item| item != masked).into_iter().map(|(item, _)| item).collect()
    };
    assert_eq!(list(4, 99), [1, 3, 2, 4]);
    assert_eq!(list(4, 3), [1, 2, 4, 0]);
    assert_eq!(list(9, 1), [3, 2, 4, 0, 5]);
    assert!(list(0, 1).is_empty());
}

#[test]
fn the_newest_liking_weighs_most() {
    let weights = recency(&[5, 6, 7], 1.0);
    assert_eq!(weights, [(7, 1.0), (6, 0.5), (5, 1.0 / 3.0)]);
    assert_eq!(recency(&[5, 6], 0.0), [(6, 1.0), (5, 1.0)]);
}

#[test]
fn ease_keeps_the_definition() {
    // Two items, liked by 3 and 2 people, by 1 of them both; lambda 1.
    let histories = Histories::of(2, [vec![0], vec![0], vec![0, 1], vec![1]]);
    let model = ease::fit(&Counts::of(&histories, 1), 1.0, 1).expect("it has an inverse");
    // P = 1/11 · [[3, -1], [-1, 4]]
    assert!((model.gain(0, 1) - 0.25).abs() < 1e-7);
    assert!((model.gain(1, 0) - 1.0 / 3.0).abs() < 1e-7);
    assert_eq!((model.gain(0, 0), model.gain(1, 1)), (0.0, 0.0));
    assert_eq!(ease::fit(&Counts::none(2), 0.0, 1), Err(ease::NotFitted::Lambda));
}

#[test]
fn with_too_many_items_the_best_known_are_fitted_and_the_others_gain_nothing() {
    let histories = WORLD.histories();
    let some = ease::fit_best_known(&histories, 90, 20.0, 40, 2).expect("it has an inverse");
    assert_eq!(some.items(), WORLD.items);
    let mut people = vec![0; WORLD.items];
    histories.iter().flatten().for_each(|item| people[*item as usize] += 1);
    let all_liked: Vec<(Item, f64)> = (0..WORLD.items as Item).map(|item| (item, 1.0)).collect();
    let scores = some.scores(&all_liked);
    let scored = |item: &usize| scores[*item] != 0.0;
    let least = (0..WORLD.items).filter(scored).map(|item| people[item]).min();
    let left_out = (0..WORLD.items).filter(|item| !scored(item)).map(|item| people[item]).max();
    assert!(left_out <= least, "{left_out:?}, {least:?}");
    let all = ease::fit_best_known(&histories, 120, 20.0, 40, 2).expect("it has an inverse");
    let whole = ease::fit(&Counts::of(&histories, 2), 20.0, 2).expect("it has an inverse");
    assert_eq!(all.hash(), whole.strongest(40).hash());
}
