//! Orders of the shop.
//!
//! Placing reserves nothing: the order fulfilment process does, and confirms or rejects.

mod numbers;
mod routes;

use domain::order::{Command, LINES_MAX, Line, Order, Reason, Refusal};
use domain::{AccountId, Money, OrderId, ProductId, Quantity};
use eventstore::{Context, Decision, Facts, Log, Receipt};
use futures::{StreamExt, TryStreamExt, stream};
use service_kit::{FieldError, OrRefuse, Problem, Undecided};

use crate::{cart, product};

pub use numbers::OrderNumbers;
pub(crate) use routes::routes;

/// How many products are looked up at a time; leaves connections to others.
const LOOKUPS_MAX: usize = 8;

/// One line as somebody asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    pub product: ProductId,
    pub quantity: Quantity,
    /// Instead of the catalogue's price; an import knows what was paid then.
    pub price: Option<Money>,
}

/// Prices and names are the catalogue's at the moment the order is appended.
pub async fn place(
    log: &Log,
    numbers: &OrderNumbers,
    context: &Context,
    customer: AccountId,
    order: OrderId,
    items: &[Item],
) -> Result<Receipt, Problem> {
    let lines = items.len();
    if lines > LINES_MAX {
        return Err(refused(Refusal::TooManyLines { lines }));
    }
    let at = context.now;
    let number = numbers.next(at.date_naive()).await?;
    let placed = log
        .decide::<Order, _, _, Undecided<Refusal>>(context, |facts| async move {
            let lines =
                lines_of(&facts, items).await.map_err(|(index, why)| at_item(index, why))?;
            Ok(Decision::new(order, Command::Place { order, number, customer, lines, at }))
        })
        .await
        .or_refuse(refused);
    numbers.settle(number, &placed).await;
    placed
}

/// The lines at the catalogue's prices, or why one of the items cannot be ordered.
pub(crate) async fn lines_of(
    facts: &Facts,
    items: &[Item],
) -> Result<Vec<Line>, (usize, Undecided<Refusal>)> {
    let items: Vec<(usize, Item)> = items.iter().copied().enumerate().collect();
    stream::iter(items)
        .map(|(index, item)| async move { line(facts, item).await.map_err(|why| (index, why)) })
        .buffered(LOOKUPS_MAX)
        .try_collect()
        .await
}

async fn line(facts: &Facts, item: Item) -> Result<Line, Undecided<Refusal>> {
    let Item { product, quantity, price } = item;
    let (details, current) = product::on_sale(facts, product).await?;
    let (sku, name) = (details.sku.clone(), details.name.clone());
    Ok(Line { product, sku, name, quantity, unit_price: price.unwrap_or(current) })
}

/// Points at the item of the body that cannot be ordered.
fn at_item(index: usize, why: Undecided<Refusal>) -> Undecided<Refusal> {
    match why {
        Undecided::Unprepared(problem) => {
            let pointer = format!("/items/{index}/product_id");
            let detail = problem.detail().to_owned();
            Undecided::Unprepared(problem.field(FieldError { pointer, detail }))
        }
        Undecided::Execute(error) => Undecided::Execute(error),
    }
}

/// Everything the order needs is reserved.
pub async fn confirm(log: &Log, context: &Context, order: OrderId) -> Result<Receipt, Problem> {
    execute(log, context, order, Command::Confirm { order, at: context.now }).await
}

pub async fn reject(
    log: &Log,
    context: &Context,
    order: OrderId,
    reason: Reason,
) -> Result<Receipt, Problem> {
    execute(log, context, order, Command::Reject { order, reason, at: context.now }).await
}

pub async fn ship(log: &Log, context: &Context, order: OrderId) -> Result<Receipt, Problem> {
    execute(log, context, order, Command::Ship { order, at: context.now }).await
}

pub async fn deliver(log: &Log, context: &Context, order: OrderId) -> Result<Receipt, Problem> {
    execute(log, context, order, Command::Deliver { order, at: context.now }).await
}

/// By its customer, or by a merchandiser, for whoever cannot ask any more too.
pub async fn cancel(
    log: &Log,
    context: &Context,
    by: AccountId,
    order: OrderId,
    as_merchandiser: bool,
) -> Result<Receipt, Problem> {
    let command = Command::Cancel { order, by, as_merchandiser, at: context.now };
    execute(log, context, order, command).await
}

async fn execute(
    log: &Log,
    context: &Context,
    order: OrderId,
    command: Command,
) -> Result<Receipt, Problem> {
    log.execute::<Order>(order, command, context).await.or_refuse(refused)
}

pub(crate) fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("order-unknown", refusal),
        Refusal::AlreadyPlaced => Problem::conflict("order-exists", refusal),
        Refusal::Empty | Refusal::TooManyLines { .. } | Refusal::TotalTooLarge => {
            Problem::invalid("/items", refusal)
        }
        Refusal::TooManyOfOne { .. } => Problem::invalid("/items", refusal),
        Refusal::MixedCurrencies => Problem::conflict("mixed-currencies", refusal),
        Refusal::NotTheCustomer => Problem::forbidden("not-the-customer", refusal),
        Refusal::WrongStatus { status } => {
            Problem::conflict("order-status", refusal).with("order_status", status.name())
        }
        Refusal::Cart(refusal) => cart::refused(refusal),
    }
}
