//! Counts are those of what is liked now, whichever way it came about.

use super::WORLD;
use crate::{Counts, HISTORY_MAX, Histories, Item, Likings, Mt19937, ease};

/// What people do, in an order of its own for every seed; each one's own steps stay in order.
fn steps(seed: u32) -> Vec<(u128, i64, Item)> {
    let histories = WORLD.histories();
    let mut draws = Mt19937::seeded(seed);
    let mut left: Vec<(u128, &[Item])> = (0..).zip(histories.iter()).collect();
    let mut steps = Vec::new();
    while !left.is_empty() {
        let next = draws.next_u32() as usize % left.len();
        let (person, items) = &mut left[next];
        let position = (histories.of_person(*person as usize).len() - items.len()) as i64;
        steps.push((*person, position, items[0]));
        *items = &items[1..];
        if items.is_empty() {
            left.swap_remove(next);
        }
    }
    steps
}

fn after(steps: &[(u128, i64, Item)]) -> Likings {
    let mut likings = Likings::none(WORLD.items);
    for (person, position, item) in steps {
        likings.add(*person, *item, *position);
    }
    likings
}

#[test]
fn counts_are_the_same_for_any_number_of_workers_and_any_order_across_people() {
    let hashes = [1, 2, 4].map(|workers| Counts::of(&WORLD.histories(), workers).hash());
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    for seed in [1, 2, 3] {
        let likings = after(&steps(seed));
        assert_eq!(likings.counts().hash(), hashes[0]);
        assert_eq!(likings.histories(), WORLD.histories());
    }
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
fn what_is_taken_back_leaves_no_trace() {
    let (all, mut likings) = (steps(4), after(&steps(4)));
    let (kept, gone): (Vec<_>, Vec<_>) = all.iter().partition(|(_, _, item)| item % 3 != 0);
    for (person, _, item) in gone {
        likings.remove(person, item);
    }
    assert_eq!(likings, after(&kept));
    assert_eq!(likings.counts(), &Counts::of(&likings.histories(), 2));
}

#[test]
fn somebody_forgotten_was_never_there() {
    let all = steps(5);
    let mut likings = after(&all);
    likings.forget(17);
    likings.forget(18);
    let others: Vec<_> = all.iter().copied().filter(|(who, ..)| ![17, 18].contains(who)).collect();
    assert_eq!(likings, after(&others));
    let models = [likings.counts(), after(&others).counts()]
        .map(|counts| ease::fit(counts, 100.0, 2).map(|model| model.hash()));
    assert!(models[0].is_ok());
    assert_eq!(models[0], models[1]);
}

#[test]
fn a_bot_counts_with_its_newest_thousand_and_older_ones_come_back() {
    let items = HISTORY_MAX + 50;
    let mut bot = Likings::none(items);
    for item in 0..items as Item {
        bot.add(1, item, i64::from(item));
    }
    let newest: Vec<Item> = (50..items as Item).collect();
    assert_eq!(bot.counts(), &Counts::of(&Histories::of(items, [&newest]), 1));
    assert_eq!((bot.counts().people(49), bot.counts().people(50)), (0, 1));

    bot.remove(1, 1_000);
    assert_eq!(bot.counts().people(49), 1, "there is room for one more");
    bot.add(1, 0, 5_000);
    assert_eq!((bot.counts().people(49), bot.counts().people(0)), (0, 1), "liked again is new");
    assert_eq!(bot.counts(), &Counts::of(&bot.histories(), 2));
}

#[test]
fn a_model_is_the_same_bit_for_bit_at_one_number_of_threads() {
    let counts = Counts::of(&WORLD.histories(), 2);
    let hash = || ease::fit(&counts, 50.0, 2).map(|model| model.hash());
    assert!(hash().is_ok());
    assert_eq!(hash(), hash());
    assert_ne!(hash(), ease::fit(&counts, 51.0, 2).map(|model| model.hash()));
}
