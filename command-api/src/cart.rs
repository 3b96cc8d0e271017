//! Customers fill a cart and check it out.
//!
//! Checking out decides on the cart and on the new order in one append. From then on the order goes
//! the way of every other.

mod routes;

use domain::cart::{Cart, Command, Line, Pieces, Refusal};
use domain::order as ordering;
use domain::order::Order;
use domain::{AccountId, OrderId, ProductId};
use eventstore::{Context, Decision, ExecuteError, Log, Receipt};
use service_kit::{OrRefuse, Problem, Undecided};

use crate::order::{self, Item, OrderNumbers};
use crate::product;

pub(crate) use routes::routes;

/// So many of it, whatever was in the cart before. Only of what is sold.
pub async fn put_item(
    log: &Log,
    context: &Context,
    customer: AccountId,
    product: ProductId,
    quantity: Pieces,
) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<Cart, _, _, Undecided<Refusal>>(context, |facts| async move {
        product::on_sale(&facts, product).await?;
        Ok(Decision::new(customer, Command::PutItem { customer, product, quantity, at }))
    })
    .await
    .or_refuse(refused)
}

/// Also of what is not sold any more.
pub async fn remove_item(
    log: &Log,
    context: &Context,
    customer: AccountId,
    product: ProductId,
) -> Result<Receipt, Problem> {
    let command = Command::RemoveItem { customer, product, at: context.now };
    log.execute::<Cart>(customer, command, context).await.or_refuse(refused)
}

pub async fn clear(log: &Log, context: &Context, customer: AccountId) -> Result<Receipt, Problem> {
    let command = Command::Clear { customer, at: context.now };
    log.execute::<Cart>(customer, command, context).await.or_refuse(refused)
}

/// Orders all that is in the cart when the order is appended. The receipt is the order's.
pub async fn check_out(
    log: &Log,
    numbers: &OrderNumbers,
    context: &Context,
    customer: AccountId,
    order: OrderId,
) -> Result<Receipt, Problem> {
    let at = context.now;
    let number = numbers.next(at.date_naive()).await?;
    // If-Match is about the cart; the order has no version yet.
    let (expected, context) = (context.expected, Context { expected: None, ..context.clone() });
    let placed = log
        .decide_both::<Order, Cart, _, _, Undecided<ordering::Refusal>>(
            &context,
            |facts| async move {
                let cart = facts.load::<Cart>(customer).await?;
                let current = cart.sequence;
                if expected.is_some_and(|expected| expected != current) {
                    return Err(Undecided::Execute(ExecuteError::Version { current }));
                }
                let lines = cart.state.lines().to_vec();
                let items: Vec<Item> = lines.iter().map(Item::from).collect();
                let ordered = order::lines_of(&facts, &items).await.map_err(|(_, why)| why)?;
                let place =
                    ordering::Command::Place { order, number, customer, lines: ordered, at };
                let check_out = Command::CheckOut { customer, order, lines, at };
                Ok(Decision::<Order>::new(order, place).and::<Cart>(customer, check_out))
            },
        )
        .await
        .or_refuse(check_out_refused);
    numbers.settle(number, &placed).await;
    placed
}

impl From<&Line> for Item {
    fn from(line: &Line) -> Self {
        Self { product: line.product, quantity: line.quantity.into(), price: None }
    }
}

pub(crate) fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Full => Problem::conflict("cart-full", refusal),
        Refusal::Empty => Problem::conflict("cart-empty", refusal),
        Refusal::NotInCart { product } => {
            Problem::conflict("not-in-cart", refusal).with("product_id", product.to_string())
        }
    }
}

/// What the order's own endpoint says of its body is said of the cart here.
fn check_out_refused(refusal: ordering::Refusal) -> Problem {
    match refusal {
        ordering::Refusal::Empty => refused(Refusal::Empty),
        ordering::Refusal::TotalTooLarge => Problem::conflict("total-too-large", refusal),
        ordering::Refusal::Unknown
        | ordering::Refusal::AlreadyPlaced
        | ordering::Refusal::TooManyLines { .. }
        | ordering::Refusal::MixedCurrencies
        | ordering::Refusal::TooManyOfOne { .. }
        | ordering::Refusal::NotTheCustomer
        | ordering::Refusal::WrongStatus { .. }
        | ordering::Refusal::Cart(_) => order::refused(refusal),
    }
}
