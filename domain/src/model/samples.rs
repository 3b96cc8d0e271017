//! Fits for tests.

use super::{Command, Event, Fit, Metrics};
use crate::samples::at;

/// One that knows the log up to `position`, and how a hundred people found it.
pub fn fit(position: i64, hit_rate: Option<f64>) -> Fit {
    Fit {
        position,
        people: 2_672,
        items: 9_990,
        lambda: 200.0,
        item_order_hash: "1".repeat(64),
        model_hash: format!("{position:064}"),
        metrics: hit_rate.map(|hit_rate| Metrics { people: 100, hit_rate }),
        beside: None,
        seconds: 12.5,
        recipe: 2,
    }
}

/// The same, on people of whom so many found theirs by the one that serves.
pub fn beside(fit: Fit, hit_rate: f64) -> Fit {
    Fit { beside: Some(Metrics { people: 100, hit_rate }), ..fit }
}

pub fn offer(fit: Fit) -> Command {
    Command::Offer { fit, forgets: false, at: at(0) }
}

/// It is the first one without somebody who was erased.
pub fn offer_without_them(fit: Fit) -> Command {
    Command::Offer { fit, forgets: true, at: at(0) }
}

pub fn trained(fit: Fit) -> Event {
    Event::ModelTrained { fit, at: at(0) }
}

pub fn rejected(fit: Fit, serving: &Fit) -> Event {
    Event::ModelRejected { fit, serving: serving.model_hash.clone(), at: at(0) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let (good, bad) = (fit(1_000, Some(0.25)), beside(fit(2_000, Some(0.125)), 0.375));
    vec![trained(good.clone()), rejected(bad, &good)]
}
