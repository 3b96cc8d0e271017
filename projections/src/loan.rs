//! How many copies of a book are left, and who has the others.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::loan::{CopySet, Event};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct Loans;

/// By how much the copies of a book, and those of them that are out, differ.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    copies: i64,
    lent: i64,
}

/// A loan that began in the batch, and perhaps ended in it.
#[derive(Debug, PartialEq)]
struct Loan {
    position: i64,
    borrowed_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    returned_at: Option<DateTime<Utc>>,
}

/// Keys are reader and book.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    books: BTreeMap<Uuid, Counts>,
    begun: BTreeMap<(Uuid, Uuid), Vec<Loan>>,
    /// Ends of loans that began before the batch.
    ended: BTreeMap<(Uuid, Uuid), DateTime<Utc>>,
}

#[async_trait]
impl Projection for Loans {
    fn name(&self) -> &'static str {
        "loans"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[CopySet::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("loan.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let Changes { books, begun, ended } = changes(batch)?;
        write_counts(tx, books).await?;
        // First: what ends here is out, and what begins here may be out too.
        write_ends(tx, ended).await?;
        write_loans(tx, begun).await
    }
}

fn changes(batch: &[&RecordedEvent]) -> Result<Changes, ProjectionError> {
    let mut changes = Changes::default();
    for event in batch {
        match event.decode()? {
            Event::CopiesSet { book, from, to, .. } => {
                let counts = changes.books.entry(book.uuid()).or_default();
                counts.copies += i64::from(to) - i64::from(from);
            }
            Event::BookBorrowed { book, reader, due_at, at } => {
                let (book, reader, position) = (book.uuid(), reader.uuid(), event.position);
                changes.books.entry(book).or_default().lent += 1;
                let loan = Loan { position, borrowed_at: at, due_at, returned_at: None };
                changes.begun.entry((reader, book)).or_default().push(loan);
            }
            Event::BookReturned { book, reader, at } => {
                let (book, reader) = (book.uuid(), reader.uuid());
                changes.books.entry(book).or_default().lent -= 1;
                let begun = changes.begun.get_mut(&(reader, book));
                match begun.and_then(|loans| loans.last_mut()) {
                    Some(loan) => loan.returned_at = Some(at),
                    None => {
                        changes.ended.insert((reader, book), at);
                    }
                }
            }
        }
    }
    Ok(changes)
}

async fn write_counts(
    tx: &mut PgConnection,
    counts: BTreeMap<Uuid, Counts>,
) -> Result<(), ProjectionError> {
    let (mut books, mut copies, mut lent) = (Vec::new(), Vec::new(), Vec::new());
    for (book, counts) in counts {
        books.push(book);
        copies.push(counts.copies);
        lent.push(counts.lent);
    }
    sqlx::query(
        "insert into book_copies as counted (book, copies, lent)
         select * from unnest($1::uuid[], $2::bigint[], $3::bigint[])
         on conflict (book) do update
            set copies = counted.copies + excluded.copies, lent = counted.lent + excluded.lent",
    )
    .bind(books)
    .bind(copies)
    .bind(lent)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_ends(
    tx: &mut PgConnection,
    ended: BTreeMap<(Uuid, Uuid), DateTime<Utc>>,
) -> Result<(), ProjectionError> {
    if ended.is_empty() {
        return Ok(());
    }
    let (mut readers, mut books, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for ((reader, book), at) in ended {
        readers.push(reader);
        books.push(book);
        times.push(at);
    }
    sqlx::query(
        "update loans
            set returned_at = ended.at
           from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as ended (reader, book, at)
          where (loans.reader, loans.book) = (ended.reader, ended.book)
            and loans.returned_at is null",
    )
    .bind(readers)
    .bind(books)
    .bind(times)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_loans(
    tx: &mut PgConnection,
    begun: BTreeMap<(Uuid, Uuid), Vec<Loan>>,
) -> Result<(), ProjectionError> {
    let (mut readers, mut books, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    let (mut borrowed, mut due, mut returned) = (Vec::new(), Vec::new(), Vec::new());
    for ((reader, book), loans) in begun {
        for loan in loans {
            readers.push(reader);
            books.push(book);
            positions.push(loan.position);
            borrowed.push(loan.borrowed_at);
            due.push(loan.due_at);
            returned.push(loan.returned_at);
        }
    }
    sqlx::query(
        "insert into loans (reader, book, position, borrowed_at, due_at, returned_at)
         select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[],
                              $5::timestamptz[], $6::timestamptz[])",
    )
    .bind(readers)
    .bind(books)
    .bind(positions)
    .bind(borrowed)
    .bind(due)
    .bind(returned)
    .execute(tx)
    .await?;
    Ok(())
}
