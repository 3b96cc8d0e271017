//! Books with titles and genres, and what 64 people think of them.

use std::sync::Arc;

use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use uuid::Uuid;

use crate::http::{Ask, Connection};
use crate::system::Site;

const BOOKS: usize = 2_000;
const RATINGS_EACH: usize = 40;
const AT_ONCE: usize = 16;
pub const WORDS: [&str; 24] = [
    "river", "winter", "garden", "letters", "island", "harbour", "silver", "mountain", "history",
    "shadow", "kitchen", "voyage", "library", "orchard", "signal", "bridge", "forest", "market",
    "lantern", "captain", "theatre", "machine", "summer", "compass",
];
pub const GENRES: [&str; 8] =
    ["fiction", "history", "travel", "science", "poetry", "crime", "cooking", "art"];

pub struct Shelves {
    pub books: Vec<Uuid>,
}

impl Shelves {
    /// The same each time.
    pub async fn filled(site: &Site, tokens: &[Arc<str>]) -> anyhow::Result<Self> {
        let books: Vec<Uuid> = (0..BOOKS).map(|_| Uuid::now_v7()).collect();
        try_join_all((0..AT_ONCE).map(|part| add(site, &books, part))).await?;
        let rating = tokens.iter().zip(0..).map(|(token, seed)| rate(site, token, &books, seed));
        try_join_all(rating).await?;
        Ok(Self { books })
    }
}

async fn add(site: &Site, books: &[Uuid], part: usize) -> anyhow::Result<()> {
    let mut connection = Connection::open(&site.address).await?;
    let mut dice = StdRng::seed_from_u64(part as u64);
    for id in books.iter().skip(part).step_by(AT_ONCE) {
        let mut word = || WORDS[dice.random_range(0..WORDS.len())];
        let title = format!("The {} of the {}", word(), word());
        let description =
            format!("About a {}, a {} and the {} between them.", word(), word(), word());
        let genre = GENRES[dice.random_range(0..GENRES.len())];
        let body = json!({
            "id": id, "title": title, "authors": ["Anonymous"], "genres": [genre],
            "description": description,
        });
        let body = body.to_string();
        let token = site.token();
        let ask = Ask { method: "POST", path: "books", token, headers: "", body: &body };
        connection.ask(ask).await?.accepted()?;
    }
    Ok(())
}

async fn rate(site: &Site, token: &str, books: &[Uuid], seed: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(&site.address).await?;
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..RATINGS_EACH {
        // Some books are better known than others.
        let share: f64 = dice.random();
        let book = books[(share * share * books.len() as f64) as usize];
        let body = json!({ "score": dice.random_range(5..=10) }).to_string();
        let path = format!("books/{book}/rating");
        let ask = Ask { method: "PUT", path: &path, token, headers: "", body: &body };
        connection.ask(ask).await?.accepted()?;
    }
    Ok(())
}
