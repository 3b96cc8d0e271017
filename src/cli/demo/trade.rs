//! What became of the orders, and the carts of those who have not ordered yet.

use std::{collections::HashSet, iter};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrderId, cart::Pieces};

use super::{
    catalogue::{Catalogue, Product},
    changes::{DISCONTINUED, REPRICED},
    dice::Dice,
    readers::{Deeds, RARE},
};
use crate::cli::import::{
    source::Source,
    work::{Action, Work},
};

const SEED: u64 = 1_719;
const CARTS: usize = 8;
/// Carts to look at before checking out: what is in them is repriced, short or gone.
const TROUBLED: [(&str, &str); 3] = [("member", REPRICED), ("member", RARE), ("07", DISCONTINUED)];

/// Filled in the last days, the first by the member that a visitor can be.
pub fn carts(
    catalogue: &Catalogue,
    source: &Source,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Work>> {
    let mut dice = Dice::new(SEED);
    let mut works = Vec::new();
    let all: Vec<&str> = catalogue.products.iter().map(Product::sku).collect();
    let others = (1..=CARTS).map(|number| format!("{:02}", 7 * number));
    for key in iter::once("member".to_owned()).chain(others) {
        let customer = source.account(&key);
        let count = dice.between(1, 4);
        let mut skus = dice.some(&all, count);
        for (_, sku) in TROUBLED.iter().filter(|(whose, _)| *whose == key) {
            skus.retain(|other| other != sku);
            skus.push(sku);
        }
        let mut at = now - TimeDelta::minutes(dice.between(12 * 60, 5 * 24 * 60) as i64);
        for sku in skus {
            at += TimeDelta::seconds(dice.between(20, 400) as i64);
            let product = catalogue.product(sku)?.id;
            let pieces = Pieces::try_from(dice.between(1, 3) as u32)?;
            let put = Action::PutIntoCart { customer, product, pieces };
            let key = format!("cart:{key}:{sku}");
            works.push(Work::prepare(key, customer.uuid().as_u128(), at, put));
        }
    }
    Ok(works)
}

/// The older an order is, the further it has got. Who wanted what was rare may have got nothing.
pub fn deliveries(
    deeds: &Deeds,
    catalogue: &Catalogue,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Work>> {
    let rare = catalogue.product(RARE)?.id;
    let mut dice = Dice::new(SEED + 1);
    let tasks = deeds.shopping.iter().filter_map(|work| match work {
        Work::Send(task) => Some(task),
        _ => None,
    });
    let cancelled: HashSet<OrderId> = tasks
        .clone()
        .filter_map(|task| match task.action {
            Action::Cancel { order, .. } => Some(order),
            _ => None,
        })
        .collect();
    let mut works = Vec::new();
    for task in tasks {
        let Action::Place { order, items, .. } = &task.action else { continue };
        let order = *order;
        if cancelled.contains(&order) || items.iter().any(|item| item.product == rare) {
            continue;
        }
        let shipped = task.at + TimeDelta::minutes(dice.between(10 * 60, 3 * 24 * 60) as i64);
        let delivered = shipped + TimeDelta::minutes(dice.between(20 * 60, 4 * 24 * 60) as i64);
        let mut step = |what: &str, at, action| {
            if at < now {
                works.push(Work::prepare(format!("{what}:{order}"), task.lane, at, action));
            }
        };
        step("shipment", shipped, Action::Ship { order });
        step("delivery", delivered, Action::Deliver { order });
    }
    Ok(works)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cli::demo::{
        changes::{DISCONTINUED_HOURS_AGO, REPRICED_HOURS_AGO},
        readers::Story,
    };

    #[test]
    fn nobody_orders_what_is_not_sold_any_more_or_at_a_price_of_the_past() {
        let (source, now) = (Source::new("demo").unwrap(), DateTime::UNIX_EPOCH);
        let catalogue = Catalogue::read(&source).unwrap();
        let member = source.account("member");
        let deeds = Story::new(&catalogue, &source, member, now).tell().unwrap();
        for (sku, hours) in [(REPRICED, REPRICED_HOURS_AGO), (DISCONTINUED, DISCONTINUED_HOURS_AGO)]
        {
            let product = catalogue.product(sku).unwrap().id;
            let ordered = deeds.shopping.iter().filter_map(|work| match work {
                Work::Send(task) => match &task.action {
                    Action::Place { items, .. } => {
                        items.iter().any(|item| item.product == product).then_some(task.at)
                    }
                    _ => None,
                },
                _ => None,
            });
            assert!(ordered.max().unwrap() < now - TimeDelta::hours(hours), "{sku}");
        }
    }
}
