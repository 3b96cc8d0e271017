//! My cart at today's prices, and what is wrong with it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::Problem;
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["carts", "products", "stock", "item_ratings"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine))
}

/// What I have put in, in that order: at most 200 lines.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
struct Cart {
    lines: Vec<CartLine>,
    /// One for each currency; what is gone costs nothing.
    totals: Vec<Amount>,
    problems: Vec<CartProblem>,
    changed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct CartLine {
    product_id: Uuid,
    sku: Option<String>,
    name: Option<String>,
    /// What I gave it.
    my_rating: Option<i16>,
    quantity: i64,
    /// For one, today. Null when the product is not sold any more.
    price: Option<Amount>,
    total: Option<Amount>,
    added_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct Amount {
    /// Sums of a full cart may exceed what an order can cost.
    #[schema(value_type = i64)]
    minor: i128,
    currency: String,
}

/// What should be looked at before checking out.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
enum CartProblem {
    /// It is not sold any more: the cart cannot be checked out with it.
    Gone { product_id: Uuid },
    /// There are fewer than I want: the order would be rejected.
    Short { product_id: Uuid, wanted: i64, available: i64 },
    /// It cost something else when I put it in.
    Repriced { product_id: Uuid, from: Amount, to: Amount },
}

#[derive(Debug, FromRow)]
struct Row {
    product: Uuid,
    sku: Option<String>,
    name: Option<String>,
    my_rating: Option<i16>,
    quantity: i64,
    price_minor: Option<i64>,
    currency: Option<String>,
    price_minor_then: Option<i64>,
    currency_then: Option<String>,
    available: i64,
    added_at: DateTime<Utc>,
}

#[utoipa::path(
    get, path = "/cart", tag = "cart",
    responses((status = 200, description = "My cart", body = Cart))
)]
async fn mine(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let customer = asked.member()?.uuid();
    app.read(&asked, READS, move |mut view| async move {
        let cart: Option<(DateTime<Utc>, i64)> =
            sqlx::query_as("select changed_at, sequence from readmodel.carts where customer = $1")
                .bind(customer)
                .fetch_optional(view.db())
                .await?;
        let Some((changed_at, sequence)) = cart else {
            return Answer::json(&Cart::default());
        };
        let rows: Vec<Row> = sqlx::query_as(
            "select l.product, p.sku, p.name, mine.score as my_rating, l.quantity,
                    case when not p.discontinued then p.price_minor end as price_minor,
                    p.currency, l.price_minor as price_minor_then, l.currency as currency_then,
                    coalesce(s.on_hand - s.reserved, 0) as available, l.added_at
               from readmodel.cart_lines l
               left join readmodel.products p on p.product = l.product
               left join readmodel.stock_levels s on s.product = l.product
               left join readmodel.reader_ratings mine
                 on (mine.reader, mine.kind, mine.item) = (l.customer, 'product', l.product)
              where l.customer = $1 order by l.position",
        )
        .bind(customer)
        .fetch_all(view.db())
        .await?;
        let cart = Cart { changed_at: Some(changed_at), ..shown(rows) };
        Ok(Answer::json(&cart)?.of_sequence(sequence))
    })
    .await
}

fn price(minor: Option<i64>, currency: Option<String>) -> Option<Amount> {
    Some(Amount { minor: minor?.into(), currency: currency? })
}

fn shown(rows: Vec<Row>) -> Cart {
    let mut cart = Cart::default();
    let mut totals: BTreeMap<String, i128> = BTreeMap::new();
    for row in rows {
        let (product_id, wanted) = (row.product, row.quantity);
        let now = price(row.price_minor, row.currency);
        let then = price(row.price_minor_then, row.currency_then);
        let total = now.clone().map(|now| Amount { minor: now.minor * i128::from(wanted), ..now });
        if let Some(total) = &total {
            *totals.entry(total.currency.clone()).or_default() += total.minor;
        }
        match now.clone() {
            None => cart.problems.push(CartProblem::Gone { product_id }),
            Some(to) => {
                if row.available < wanted {
                    let available = row.available;
                    cart.problems.push(CartProblem::Short { product_id, wanted, available });
                }
                if let Some(from) = then.filter(|from| *from != to) {
                    cart.problems.push(CartProblem::Repriced { product_id, from, to });
                }
            }
        }
        cart.lines.push(CartLine {
            product_id,
            sku: row.sku,
            name: row.name,
            my_rating: row.my_rating,
            quantity: wanted,
            price: now,
            total,
            added_at: row.added_at,
        });
    }
    cart.totals = totals.into_iter().map(|(currency, minor)| Amount { minor, currency }).collect();
    cart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u128, quantity: i64, pence: Option<i64>, currency: &str) -> Row {
        Row {
            product: Uuid::from_u128(number),
            sku: None,
            name: None,
            my_rating: None,
            quantity,
            price_minor: pence,
            currency: Some(currency.to_owned()),
            price_minor_then: Some(100),
            currency_then: Some(currency.to_owned()),
            available: 5,
            added_at: DateTime::UNIX_EPOCH,
        }
    }

    fn amount(minor: i128, currency: &str) -> Amount {
        Amount { minor, currency: currency.to_owned() }
    }

    #[test]
    fn every_currency_has_its_total_and_what_is_gone_has_no_part_in_it() {
        let cart = shown(vec![
            row(1, 2, Some(100), "GBP"),
            row(2, 3, Some(100), "EUR"),
            row(3, 1, Some(100), "GBP"),
            row(4, 9, None, "GBP"),
        ]);
        assert_eq!(cart.totals, [amount(300, "EUR"), amount(300, "GBP")]);
        let product_id = Uuid::from_u128(4);
        assert_eq!(cart.problems, [CartProblem::Gone { product_id }], "it is not short as well");
    }

    #[test]
    fn a_line_may_be_short_and_repriced() {
        let cart = shown(vec![row(1, 6, Some(120), "GBP")]);
        let product_id = Uuid::from_u128(1);
        let (from, to) = (amount(100, "GBP"), amount(120, "GBP"));
        let short = CartProblem::Short { product_id, wanted: 6, available: 5 };
        assert_eq!(cart.problems, [short, CartProblem::Repriced { product_id, from, to }]);
    }

    #[test]
    fn the_dearest_cart_there_can_be_has_a_total() {
        let dearest = domain::Money::MINOR_MAX;
        let rows = (0..200).map(|number| row(number, 999, Some(dearest), "GBP")).collect();
        assert_eq!(shown(rows).totals, [amount(i128::from(dearest) * 999 * 200, "GBP")]);
    }
}
