use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use domain::order::OrderNumber;
use eventstore::Receipt;
use service_kit::Problem;
use sqlx::PgPool;
use tokio::sync::Mutex;

/// How many numbers a process takes at a time; what is left of them when it ends is never used.
const BLOCK: i32 = 100;
/// Imports go through years of days; forgetting one costs no more than the rest of its block.
const DAYS_MAX: usize = 1_000;

/// Gives every order a number of its UTC day. Cheap to clone; clones share their blocks.
#[derive(Debug, Clone)]
pub struct OrderNumbers {
    pool: PgPool,
    blocks: Arc<Mutex<HashMap<NaiveDate, Block>>>,
}

#[derive(Debug, Default)]
struct Block {
    /// Taken for orders that were not placed after all.
    spare: Vec<OrderNumber>,
    /// The last number that was given, and the last there is to give.
    given: i32,
    last: i32,
}

impl OrderNumbers {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, blocks: Arc::default() }
    }

    /// A number nobody else gets.
    pub async fn next(&self, day: NaiveDate) -> Result<OrderNumber, Problem> {
        let mut blocks = self.blocks.lock().await;
        if blocks.len() >= DAYS_MAX && !blocks.contains_key(&day) {
            blocks.clear();
        }
        let block = blocks.entry(day).or_default();
        if let Some(spare) = block.spare.pop() {
            return Ok(spare);
        }
        if block.given >= block.last {
            block.last = self.take(day).await?;
            block.given = block.last - BLOCK;
        }
        block.given += 1;
        OrderNumber::new(day, block.given.unsigned_abs()).map_err(Problem::internal)
    }

    /// Takes the number back if it is no order's: the request was refused, or had been answered before.
    /// After a failure nobody knows.
    pub(crate) async fn settle(&self, number: OrderNumber, placed: &Result<Receipt, Problem>) {
        let is_spare = match placed {
            Ok(receipt) => receipt.replayed,
            Err(problem) => problem.status().is_client_error(),
        };
        if is_spare {
            self.blocks.lock().await.entry(number.day()).or_default().spare.push(number);
        }
    }

    /// The last number of a new block.
    async fn take(&self, day: NaiveDate) -> Result<i32, Problem> {
        let taken: Option<i32> = sqlx::query_scalar(
            "insert into eventstore.order_numbers as numbers (day, taken) values ($1, $2)
             on conflict (day) do update set taken = numbers.taken + excluded.taken
             where numbers.taken + excluded.taken <= 999999
             returning taken",
        )
        .bind(day)
        .bind(BLOCK)
        .fetch_optional(&self.pool)
        .await?;
        taken.ok_or_else(|| {
            Problem::busy("order-numbers-exhausted", "all order numbers of this day are taken")
        })
    }
}
