//! Counts are those of what is liked now, whichever way it came about.

use super::WORLD;
use crate::{Counts, HISTORY_MAX, Histories, Item, ease};

#[test]
fn counts_are_the_same_for_any_number_of_workers_and_any_order_across_people() {
    let histories = WORLD.histories();
    let hashes = [1, 2, 4].map(|workers| Counts::of(&histories, workers).hash());
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    let mut people: Vec<&[Item]> = histories.iter().collect();
    people.reverse();
    people.rotate_left(7);
    assert_eq!(Counts::of(&Histories::of(WORLD.items, people), 3).hash(), hashes[0]);
}

#[test]
fn counts_are_those_of_the_definition() {
    let histories = WORLD.histories();
    let counts = Counts::of(&histories, 2);
    for (one, other) in [(0, 0), (3, 9), (9, 3), (117, 5)] {
        let both = histories
            .iter()
            .filter(|liked| liked.contains(&(one as Item)) && liked.contains(&(other as Item)));
        assert_eq!(counts.together(one, other) as usize, both.count());
    }
}

#[test]
fn a_bot_counts_with_its_newest_thousand() {
    let items = HISTORY_MAX + 50;
    let bot: Vec<Item> = (0..items as Item).collect();
    let counts = Counts::of(&Histories::of(items, [&bot]), 1);
    assert_eq!(counts, Counts::of(&Histories::of(items, [&bot[50..]]), 1));
    assert_eq!((counts.people(49), counts.people(50)), (0, 1));
}

#[test]
fn a_model_is_the_same_bit_for_bit_at_one_number_of_threads() {
    let counts = Counts::of(&WORLD.histories(), 2);
    let hash = || ease::fit(&counts, 50.0, 2).map(|model| model.hash());
    assert!(hash().is_ok());
    assert_eq!(hash(), hash());
    assert_ne!(hash(), ease::fit(&counts, 51.0, 2).map(|model| model.hash()));
}
