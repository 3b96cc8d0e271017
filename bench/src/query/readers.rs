//! Clients that read, each on a connection of its own, one question after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::shelves::{GENRES, Shelves, WORDS};
use crate::http::{Ask, Connection};

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Catalogue,
    Mine,
    Item,
    Search,
    Recommendations,
}

impl Page {
    pub const ALL: [Self; 5] =
        [Self::Catalogue, Self::Mine, Self::Item, Self::Search, Self::Recommendations];

    pub fn name(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue page",
            Self::Mine => "catalogue page, signed in",
            Self::Item => "book, signed in",
            Self::Search => "search",
            Self::Recommendations => "recommendations",
        }
    }

    pub fn what(self) -> &'static str {
        match self {
            Self::Catalogue => "50 books of one of 8 genres; the same answer is made once",
            Self::Mine => "the same with the reader's own ratings: made once for each reader",
            Self::Item => "one of 2,000 books with its files and the reader's own rating",
            Self::Search => {
                "one or two of 24 words; the same answer is made once; several statements and a ranking \
                 made of their answers, so none to compare with"
            }
            Self::Recommendations => {
                "ten books with reasons, by the model; no statement to compare with"
            }
        }
    }

    fn is_signed_in(self) -> bool {
        matches!(self, Self::Mine | Self::Item | Self::Recommendations)
    }

    fn path(self, books: &[Uuid], dice: &mut StdRng) -> String {
        let word = |dice: &mut StdRng| WORDS[dice.random_range(0..WORDS.len())];
        match self {
            Self::Catalogue | Self::Mine => {
                format!("books?genre={}", GENRES[dice.random_range(0..GENRES.len())])
            }
            Self::Item => format!("books/{}", books[dice.random_range(0..books.len())]),
            Self::Search => format!("search?q={}+{}", word(dice), word(dice)),
            Self::Recommendations => "recommendations?kind=book&limit=10".to_owned(),
        }
    }

    /// What the page asks the database, as a script of pgbench: see `catalogue.rs` and `book.rs` of
    /// the query side. None where it is not one statement.
    pub fn statement(self) -> Option<&'static str> {
        match self {
            Self::Catalogue | Self::Mine => Some(include_str!("catalogue.sql")),
            Self::Item => Some(include_str!("item.sql")),
            Self::Search | Self::Recommendations => None,
        }
    }
}

pub struct Readers(Vec<(Connection, Arc<str>)>);

pub struct Read {
    pub per_second: f64,
    pub took_ms: Vec<f64>,
}

impl Readers {
    /// One for each token.
    pub async fn new(address: &str, tokens: &[Arc<str>]) -> anyhow::Result<Self> {
        let open = tokens.iter().map(|token| async move {
            anyhow::Ok((Connection::open(address).await?, token.clone()))
        });
        Ok(Self(try_join_all(open).await?))
    }

    /// As fast as it goes.
    pub async fn read(
        &mut self,
        page: Page,
        shelves: &Shelves,
        round: Duration,
    ) -> anyhow::Result<Read> {
        let begun = Instant::now();
        let books = Arc::new(shelves.books.clone());
        let mut work = JoinSet::new();
        for ((mut connection, token), seed) in self.0.drain(..).zip(0..) {
            let books = books.clone();
            work.spawn(async move {
                let (mut dice, mut took) = (StdRng::seed_from_u64(seed), Vec::new());
                let signed = if page.is_signed_in() { &*token } else { "" };
                while begun.elapsed() < round {
                    let (path, asked) = (page.path(&books, &mut dice), Instant::now());
                    let ask =
                        Ask { method: "GET", path: &path, token: signed, headers: "", body: "" };
                    connection.ask(ask).await?.accepted()?;
                    took.push(asked.elapsed().as_secs_f64() * 1000.0);
                }
                anyhow::Ok(((connection, token), took))
            });
        }
        let mut took_ms = Vec::new();
        while let Some(ended) = work.join_next().await {
            let (reader, mut took) = ended??;
            self.0.push(reader);
            took_ms.append(&mut took);
        }
        Ok(Read { per_second: took_ms.len() as f64 / begun.elapsed().as_secs_f64(), took_ms })
    }
}
