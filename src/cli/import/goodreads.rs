//! A reader's own library, as Goodreads exports it.
//!
//! A row is a book: one of the catalogue, found by its Goodreads id, its ISBN, or its title and first
//! author, else one that is added. Its stars become a rating, its review a comment, and the shelves
//! that readers make themselves become favourites. Command ids follow from account, book and what is
//! said of it, not from the row: figures in it that belong to others, such as the average, change
//! every day. An opinion that comes back is said again: see [`said`]. Private notes are never read.

mod catalogue;
mod export;
mod review;
mod said;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use domain::{AccountId, BookId, account::Account};
use eventstore::Log;

use super::{
    source::Source,
    work::{Action, Emit, Plan, Stage, Task, Work},
};
use crate::cli::account::Holder;
use catalogue::{Catalogue, Found};
use export::{Entry, Shelves};
use said::Said;

#[derive(Debug, clap::Args)]
pub struct Export {
    /// goodreads_library_export.csv, plain or .zst
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Whose library it is: the e-mail address or the id of an account
    #[arg(long, value_name = "EMAIL|ID")]
    account: Holder,

    /// Only the books of this shelf become favourites; may be given several times [default: every
    /// shelf but read, currently-reading, to-read and others that exclude each other]
    #[arg(long, value_name = "NAME")]
    shelf: Vec<String>,

    /// Reviews do not become comments, which everybody reads
    #[arg(long)]
    without_reviews: bool,
}

impl Export {
    /// # Errors
    /// When there is no such account, or the file is no export of Goodreads.
    pub async fn plan(self, log: &Log, rows_max: Option<u64>) -> anyhow::Result<Plan> {
        let Self { file, account, shelf, without_reviews } = self;
        let account = account.find(log).await?;
        if !log.load::<Account>(account).await?.state.is_active() {
            bail!("{account} is no account in use");
        }
        let catalogue = Catalogue::read(log.reader()).await.context("the catalogue")?;
        let source = Source::new("goodreads")?;
        let said = Said::read(log.pool(), &source.caller(), account).await?;
        let now = service_kit::clock::now();
        let library = move || {
            let mut entries = export::read(&file, rows_max, &Shelves::new(shelf))?;
            if without_reviews {
                entries.rows.iter_mut().for_each(|entry| entry.review = None);
            }
            Ok::<_, anyhow::Error>(Library::of(
                source,
                &file,
                account,
                entries,
                (catalogue, said),
                now,
            ))
        };
        let library = tokio::task::spawn_blocking(library).await??;
        Ok(library.plan())
    }
}

struct Library {
    source: Source,
    said: Said,
    file: String,
    books: Vec<Work>,
    ratings: Vec<Task>,
    comments: Vec<Task>,
    favourites: Vec<Task>,
}

impl Library {
    fn of(
        source: Source,
        file: &Path,
        account: AccountId,
        entries: export::Entries,
        (mut catalogue, said): (Catalogue, Said),
        now: DateTime<Utc>,
    ) -> Self {
        let mut library = Self {
            source,
            said,
            file: file.display().to_string(),
            books: entries.faults,
            ratings: Vec::new(),
            comments: Vec::new(),
            favourites: Vec::new(),
        };
        for entry in entries.rows {
            library.add(account, entry, &mut catalogue, now);
        }
        library
    }

    fn add(
        &mut self,
        account: AccountId,
        entry: Entry,
        catalogue: &mut Catalogue,
        now: DateTime<Utc>,
    ) {
        let Entry { row, key, details, score, kept, review, read_at, added_at } = entry;
        let own: BookId = self.source.id("book", &key);
        let book = match catalogue.find(own, &details) {
            Found::Withdrawn => {
                let detail = "this book has been withdrawn from the catalogue";
                return self.books.push(Work::refused(row, "book-withdrawn", detail));
            }
            Found::Listed(book) => book,
            Found::Nowhere => {
                catalogue.add(own, &details);
                own
            }
        };
        let lane = book.uuid().as_u128();
        let action = Action::HaveBook { book, details: Box::new(details) };
        self.books.push(Work::send(format!("book:{key}"), lane, now, action, row));
        let task = |what: &str, says: &str, at: Option<DateTime<Utc>>, action| Task {
            key: self.said.next(self.source.command_id(&format!("{what}:{account}:{key}"), says)),
            lane,
            at: at.unwrap_or(now),
            action,
            rows: Vec::new(),
        };
        let (reader, item) = (account, book.into());
        if let Some(score) = score {
            let says = format!("{book} {}", score.points());
            let action = Action::Rate { reader, item, score };
            let rating = task("rating", &says, read_at.or(added_at), action);
            self.ratings.push(rating);
        }
        if let Some(text) = review {
            // Of this row alone, so that two editions may have a review each.
            let comment = self.source.id("comment", &format!("{account}:{key}"));
            let (says, author) = (text.as_str().to_owned(), account);
            let action = Action::Comment { comment, author, item, text, edited_at: now };
            self.comments.push(task("comment", &says, read_at.or(added_at), action));
        }
        if kept {
            let action = Action::Favourite { reader, item };
            let favourite = task("favourite", &book.to_string(), added_at, action);
            self.favourites.push(favourite);
        }
    }

    fn plan(self) -> Plan {
        let Self { source, file, books, ratings, comments, favourites, .. } = self;
        let send = |tasks: Vec<Task>| tasks.into_iter().map(|task| Work::Send(Box::new(task)));
        let stages = vec![
            stage("books", books),
            stage("ratings", send(ratings).collect()),
            stage("comments", send(comments).collect()),
            stage("favourites", send(favourites).collect()),
        ];
        Plan { source, files: vec![file], stages, places_orders: false }
    }
}

fn stage(name: &'static str, works: Vec<Work>) -> Stage {
    let total = works.len() as u64;
    let produce = |emit: &mut Emit<'_>| works.into_iter().try_for_each(emit);
    Stage { name, total, produce: Box::new(produce) }
}

#[cfg(test)]
mod tests;
