use domain::samples::uuid;
use domain::weekly::samples::{day, fixed, list, of_books};
use domain::weekly::{Period, Weekly};
use serde_json::json;

use super::{History, Tables, rows};
use crate::weekly::WeeklyLists;

fn places(tables: &Tables) -> Vec<(&str, &str, i64)> {
    let places = tables["weekly_places"].iter().map(|row| {
        let text = |field| row[field].as_str().unwrap();
        (text("period"), text("genre"), row["rank"].as_i64().unwrap())
    });
    let mut places: Vec<_> = places.collect();
    places.sort_unstable();
    places
}

#[tokio::test]
async fn the_lists_of_the_newest_day_stand_alone() {
    let first = of_books(Period::Week, vec![list(None, &[1, 2]), list(Some("classics"), &[2])]);
    let second = of_books(Period::Week, vec![list(None, &[3])]);
    let month = of_books(Period::Month, vec![list(None, &[1])]);
    let history = History::default()
        .with::<Weekly>(day(0), [fixed(day(0), first.clone()), fixed(day(0), month)])
        .with::<Weekly>(day(1), [fixed(day(1), second)]);
    let tables = rows(&WeeklyLists, &history).await;
    assert_eq!(places(&tables), [("month", "", 1), ("week", "", 1)]);
    let week = tables["weekly_places"].iter().find(|row| row["period"] == json!("week")).unwrap();
    assert_eq!(week["item"], json!(uuid(3)));

    // A day that comes late, as from a program whose clock is behind, takes nothing back.
    let late = history.with::<Weekly>("late", [fixed(day(0), first)]);
    assert_eq!(rows(&WeeklyLists, &late).await, tables);
}
