//! Protocols and measures.

use std::convert::Infallible;

use super::WORLD;
use crate::metrics::Metrics;
use crate::protocol::holdout::{self, Which};
use crate::protocol::prequential::Replay;
use crate::protocol::{Dataset, Named, sar75};
use crate::similarity::{cosine, popularity};
use crate::{Counts, Item, Model, Scorer, recency};

/// The planted world as rows, everybody's at their own pace.
fn rows() -> Dataset {
    let histories = WORLD.histories();
    let mut rows = Vec::new();
    for (person, liked) in histories.iter().enumerate() {
        rows.extend(liked.iter().zip(0..).map(|(item, place): (&Item, i64)| Named {
            person: person.to_string(),
            item: item.to_string(),
            rating: 1.0,
            time: place,
        }));
    }
    Dataset::of(&rows)
}

#[test]
fn ids_are_in_the_order_of_numbers_then_of_texts() {
    let named = |item: &str| Named {
        person: "ada".to_owned(),
        item: item.to_owned(),
        rating: 1.0,
        time: 0,
    };
    let data = Dataset::of(&["b", "10", "9", "a", "9"].map(named));
    assert_eq!(data.items, ["9", "10", "a", "b"]);
    assert_eq!(data.rows.iter().map(|row| row.item).collect::<Vec<_>>(), [3, 1, 0, 2, 0]);
}

#[test]
fn measures_are_those_of_the_textbook() {
    let list = [4, 8, 15, 16, 23, 42, 1, 2, 3, 5];
    let one = Metrics::of_list(&list, &[8, 16, 99]);
    assert!((one.map - (0.5 + 0.5) / 3.0).abs() < 1e-12);
    let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5;
    assert!((one.ndcg - (1.0 / 3f64.log2() + 1.0 / 5f64.log2()) / ideal).abs() < 1e-12);
    assert_eq!((one.precision, one.recall, one.hit_rate), (0.2, 2.0 / 3.0, 1.0));
    let mean = Metrics::mean([one, Metrics::of_list(&list, &[99])]);
    assert_eq!((mean.hit_rate, mean.precision, mean.people), (0.5, 0.1, 2));
}

#[test]
fn three_quarters_of_each_item_are_known() {
    let data = rows();
    let (split, known) = sar75::split(&data);
    let held_out: usize = split.held_out.iter().map(Vec::len).sum();
    assert_eq!(known.len() + held_out, data.rows.len());
    assert_eq!(split.train.pairs(), known.len());
    for item in 0..WORLD.items as Item {
        let all = data.rows.iter().filter(|row| row.item == item).count();
        let kept = known.iter().filter(|row| row.item == item).count();
        assert_eq!(kept, (all as f64 * 0.75).round_ties_even() as usize);
    }
}

#[test]
fn a_holdout_takes_the_end_of_everybody() {
    let data = rows();
    let split = holdout::split(&data, 0.25, Which::Last);
    let whole = WORLD.histories();
    for (person, liked) in whole.iter().enumerate() {
        let kept = split.train.of_person(person);
        assert_eq!(kept, &liked[..kept.len()]);
        let mut end = liked[kept.len()..].to_vec();
        end.sort_unstable();
        assert_eq!(split.held_out[person], end);
    }
    let again = holdout::again(&split, 0.25);
    assert!(again.train.of_person(3).len() < split.train.of_person(3).len());
    assert!(again.held_out[3].iter().all(|item| split.train.of_person(3).contains(item)));
    let drawn = |seed| holdout::split(&data, 0.25, Which::Drawn { seed }).held_out;
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn tastes_are_found_better_than_by_one_list_for_all_whatever_the_workers() {
    let split = holdout::split(&rows(), 0.25, Which::Last);
    let counts = Counts::of(&split.train, 2);
    let measured = |model: Model, workers| {
        let profile = |person| recency(split.train.of_person(person), 0.0);
        split.evaluate(&Scorer::one(model), profile, workers)
    };
    let (tastes, popular) = (measured(cosine(&counts), 1), measured(popularity(&split.train), 1));
    assert!(tastes.ndcg > 1.5 * popular.ndcg, "{tastes:?}, {popular:?}");
    assert_eq!(tastes, measured(cosine(&counts), 3));
}

#[test]
fn a_live_profile_finds_more_than_one_of_yesterday() {
    let data = rows();
    let replay = Replay { warm_up: 1_000, refit_every: 1_000, workers: 2, ..Replay::default() };
    let run = |live| {
        let replay = Replay { live, ..replay };
        let fit = |known: &_| Ok::<_, Infallible>(Scorer::one(cosine(&Counts::of(known, 2))));
        replay.run(&data, fit).unwrap_or_else(|never| match never {})
    };
    let (live, nightly) = (run(true), run(false));
    assert_eq!(live.people, data.rows.len() - 1_000, "every later row is asked for");
    assert!(live.hit_rate > nightly.hit_rate, "{live:?}, {nightly:?}");
}
