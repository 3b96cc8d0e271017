//! A shop of some size with a history, so that there are lists, and readers who like what nobody else
//! does, so that rules have to recommend.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use chrono::{Days, Utc};
use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use uuid::Uuid;

use super::Stage;
use crate::http::{Ask, Connection};
use crate::query::shelves::{GENRES, WORDS};
use crate::system::Site;

const BOOKS: usize = 2_000;
const FORMER_READERS: usize = 300;
const RATINGS_EACH: usize = 40;
/// Days over which they were given, up to yesterday.
const DAYS: u64 = 6;
/// Books that one reader likes and nobody else.
const OWN_BOOKS: usize = 3;

pub struct Shelves;

impl Shelves {
    /// The same each time, but for the days.
    pub async fn filled(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let folder = &stage.system.data_dir;
        for (what, text) in [("books", books()), ("ratings", ratings())] {
            let file = folder.join(format!("{what}.csv"));
            fs::write(&file, text)?;
            let file = path(&file)?;
            stage.system.command(&["import", what, file, "--source", "bench"]).await?;
        }
        stage.system.catch_up().await?;
        let own = stage.readers.iter().map(|token| likes_own(&stage.system.site, token));
        try_join_all(own).await?;
        stage.system.command(&["reco", "lists"]).await?;
        stage.system.catch_up().await?;
        Ok(Self)
    }

    pub fn told(&self) -> String {
        let ratings = FORMER_READERS * RATINGS_EACH;
        format!("{BOOKS} books and {ratings} ratings of the last {DAYS} days, imported")
    }

    /// Which rungs the items of everybody's list come from.
    pub async fn sources(&self, stage: &Stage<'_>, path: &str) -> anyhow::Result<String> {
        let mut connection = Connection::open(&stage.system.site.address).await?;
        let mut sources = BTreeMap::<String, usize>::new();
        for token in &stage.readers {
            let ask = Ask { method: "GET", path, token, headers: "", body: "" };
            let answer = connection.ask(ask).await?.accepted()?.json();
            let items = answer["items"].as_array().context("no items")?;
            ensure!(!items.is_empty(), "an empty list of {path}");
            for item in items {
                let source = item["source"].as_str().unwrap_or("the list");
                *sources.entry(source.to_owned()).or_default() += 1;
            }
        }
        let told: Vec<String> =
            sources.iter().map(|(source, items)| format!("{items} by {source}")).collect();
        Ok(format!("items of {} lists: {}", stage.readers.len(), told.join(", ")))
    }
}

fn path(file: &Path) -> anyhow::Result<&str> {
    file.to_str().context("the folder's name is no text")
}

fn books() -> String {
    let mut dice = StdRng::seed_from_u64(1);
    let mut text = "id,title,author,genres,description\n".to_owned();
    for id in 0..BOOKS {
        let mut word = || WORDS[dice.random_range(0..WORDS.len())];
        let title = format!("The {} of the {}", word(), word());
        let about = format!("About a {} and a {} and the {} between them", word(), word(), word());
        let (author, genre) = (id % 500, GENRES[id % GENRES.len()]);
        let _ = writeln!(text, "{id},{title},Author {author},{genre},{about}");
    }
    text
}

fn ratings() -> String {
    let mut dice = StdRng::seed_from_u64(2);
    let mut text = "reader,item,score,at\n".to_owned();
    let today = Utc::now().date_naive();
    for reader in 0..FORMER_READERS {
        for _ in 0..RATINGS_EACH {
            // Some books are better known than others.
            let share: f64 = dice.random();
            let book = (share * share * BOOKS as f64) as usize;
            let (score, ago) = (dice.random_range(5..=10), dice.random_range(1..=DAYS));
            let day = today.checked_sub_days(Days::new(ago)).unwrap_or(today);
            let _ = writeln!(text, "{reader},{book},{score},{day}T12:00:00Z");
        }
    }
    text
}

async fn likes_own(site: &Site, token: &str) -> anyhow::Result<()> {
    let mut connection = Connection::open(&site.address).await?;
    for genre in GENRES.iter().take(OWN_BOOKS) {
        let id = Uuid::now_v7();
        let book = json!({
            "id": id, "title": "A book of my own", "authors": [id.simple().to_string()],
            "genres": [genre],
        });
        let (book, rating) = (book.to_string(), format!("books/{id}/rating"));
        for (method, path, token, body) in
            [("POST", "books", site.token(), &*book), ("PUT", &*rating, token, r#"{"score":9}"#)]
        {
            let ask = Ask { method, path, token, headers: "", body };
            connection.ask(ask).await?.accepted()?;
        }
    }
    Ok(())
}
