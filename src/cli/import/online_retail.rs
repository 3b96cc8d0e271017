//! The online-retail set: a year of invoices of a British shop.
//!
//! Each invoice is an order. One that begins with `C` cancels: when it takes back exactly what an
//! earlier order of the same customer held, that order is cancelled; anything else is a
//! `partial-return`, which the shop does not know. One that begins with `A` adjusts bad debt and is
//! no order. Negative quantities elsewhere correct the stock and are no sale.

mod ledger;
mod price;

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use command_api::order::Item;
use domain::{Currency, Money, OrderId, ProductId, Quantity, Tags, product};

use super::{
    source::Source,
    table::{RowRef, Table, find},
    work::{Action, Emit, Plan, Stage, Task, Work, accounts},
};
use ledger::{Entry, Invoice, Ledger};

const TRANSACTIONS: usize = 0;
const CURRENCY: Currency = Currency::GBP;
/// Whose the orders of nobody are.
const GUEST: &str = "guest";

pub fn plan(folder: &Path, rows_max: Option<u64>) -> anyhow::Result<Plan> {
    let source = Source::new("online-retail")?;
    let path = find(folder, &["transactions.csv", "transactions_train.csv"])?;
    let mut table = Table::open(TRANSACTIONS, &path, None)?;
    let ledger = Ledger::read(&mut table, rows_max.unwrap_or(u64::MAX))?;
    Ok(plan_of(source, path.display().to_string(), ledger))
}

fn plan_of(source: Source, file: String, ledger: Ledger) -> Plan {
    let ledger = Arc::new(ledger);
    let opening = ledger.first_time();
    let (products, stock, orders) = (ledger.clone(), ledger.clone(), ledger.clone());
    let of = || source.clone();
    let (of_products, of_stock, of_orders) = (of(), of(), of());
    let goods = ledger.sold().count() as u64;
    let stages = vec![
        Stage {
            name: "products",
            total: goods,
            produce: Box::new(move |emit| emit_products(&products, &of_products, opening, emit)),
        },
        Stage {
            name: "opening stock",
            total: goods,
            produce: Box::new(move |emit| emit_stock(&stock, &of_stock, opening, emit)),
        },
        accounts(&source, "Customer", Arc::new(ledger.customers())),
        Stage {
            name: "orders",
            total: (ledger.invoices.len() + ledger.others.len()) as u64,
            produce: Box::new(move |emit| emit_orders(&orders, &of_orders, emit)),
        },
    ];
    Plan { source, files: vec![file], stages, places_orders: true }
}

fn emit_products(
    ledger: &Ledger,
    source: &Source,
    at: DateTime<Utc>,
    emit: &mut Emit<'_>,
) -> anyhow::Result<()> {
    for good in ledger.sold() {
        let product: ProductId = source.id("product", &good.code);
        let details = product::Details {
            sku: good.sku.clone(),
            name: good.name()?,
            description: None,
            category: None,
            tags: Tags::default(),
        };
        let price = Money::new(good.price, CURRENCY)?;
        let action = Action::AddProduct { product, details: Box::new(details), price };
        emit(Work::prepare(
            format!("product:{}", good.code),
            product.uuid().as_u128(),
            at,
            action,
        ))?;
    }
    Ok(())
}

/// There is no stock in the set: each good opens with all that was ever sold of it.
fn emit_stock(
    ledger: &Ledger,
    source: &Source,
    at: DateTime<Utc>,
    emit: &mut Emit<'_>,
) -> anyhow::Result<()> {
    for good in ledger.sold() {
        let product: ProductId = source.id("product", &good.code);
        let mut left = good.sold;
        let mut part = 0;
        while left > 0 {
            let pieces = left.min(u64::from(Quantity::MAX));
            let quantity = Quantity::try_from(pieces as u32)?;
            let key = format!("stock:{}:{part}:{quantity}", good.code);
            let action = Action::Receive { product, quantity };
            emit(Work::prepare(key, product.uuid().as_u128(), at, action))?;
            left -= pieces;
            part += 1;
        }
    }
    Ok(())
}

/// Orders and cancellations in the order of the file.
fn emit_orders(ledger: &Ledger, source: &Source, emit: &mut Emit<'_>) -> anyhow::Result<()> {
    for other in &ledger.others {
        emit(other.work())?;
    }
    for (at, invoice) in ledger.invoices.iter().enumerate() {
        let rows = || -> Vec<RowRef> {
            invoice.entries.iter().map(|entry| entry.row(TRANSACTIONS)).collect()
        };
        let digest = || -> String { invoice.entries.iter().map(|entry| &*entry.text).collect() };
        let work = match &ledger.cancels[at] {
            ledger::Cancels::Nothing => place(ledger, invoice, source, rows(), &digest())?,
            ledger::Cancels::Order(order) => {
                let order = source.id::<OrderId>("order", &ledger.invoices[*order].number);
                let key = format!("cancellation:{}", invoice.number);
                Work::Send(Box::new(Task {
                    key: source.command_id(&key, &digest()),
                    lane: order.uuid().as_u128(),
                    at: invoice.at,
                    action: Action::Cancel { order, by: source.account(invoice.customer()) },
                    rows: rows(),
                }))
            }
            ledger::Cancels::Part => Work::Refused {
                rows: rows(),
                code: "partial-return",
                detail: "it takes back no whole order of this customer".to_owned(),
            },
        };
        emit(work)?;
    }
    emit(Work::Blank { file: TRANSACTIONS, lines: ledger.blank_lines })
}

fn place(
    ledger: &Ledger,
    invoice: &Invoice,
    source: &Source,
    rows: Vec<RowRef>,
    digest: &str,
) -> anyhow::Result<Work> {
    let order = source.id::<OrderId>("order", &invoice.number);
    let item = |entry: &Entry| -> anyhow::Result<Item> {
        let good = &ledger.goods[entry.good as usize];
        Ok(Item {
            product: source.id("product", &good.code),
            quantity: Quantity::try_from(u32::try_from(entry.quantity)?)?,
            price: Some(Money::new(entry.price.minor(), CURRENCY)?),
        })
    };
    let items = invoice.entries.iter().map(item).collect::<anyhow::Result<_>>()?;
    let customer = source.account(invoice.customer());
    let action = Action::Place { order, customer, items };
    Ok(Work::Send(Box::new(Task {
        key: source.command_id(&format!("order:{}", invoice.number), digest),
        lane: order.uuid().as_u128(),
        at: invoice.at,
        action,
        rows,
    })))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cli::import::testing::{self, actions};

    const HEADER: &str =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    fn works(rows: &str) -> Vec<Work> {
        works_of_first(u64::MAX, rows)
    }

    fn works_of_first(rows_max: u64, rows: &str) -> Vec<Work> {
        let file = format!("{HEADER}{rows}");
        let mut table = testing::table(TRANSACTIONS, &file);
        let ledger = Ledger::read(&mut table, rows_max).unwrap();
        testing::run(plan_of(Source::new("online-retail").unwrap(), "file".to_owned(), ledger))
    }

    fn nouns(works: &[Work]) -> Vec<&'static str> {
        actions(works).into_iter().map(Action::noun).collect()
    }

    #[test]
    fn a_cancellation_equal_to_an_earlier_order_cancels_it() {
        let works = works(
            "536365,A,Lamp,6,2010-12-01 08:26:00,2.55,17850,UK\n\
             536366,A,Lamp,6,2010-12-01 08:27:00,2.55,9,UK\n\
             536365,B,Mug,2,2010-12-01 08:27:00,1.00,17850,UK\n\
             C536370,B,Mug,-2,2010-12-02 08:26:00,1.00,17850,UK\n\
             C536371,B,Mug,-2,2010-12-02 08:26:00,1.00,17850,UK\n\
             C536371,A,Lamp,-6,2010-12-02 08:26:00,2.55,17850,UK\n\
             C536372,A,Lamp,-6,2010-12-02 08:26:00,2.55,17850,UK\n",
        );
        let placed = [
            "products",
            "products",
            "opening stocks",
            "opening stocks",
            "accounts",
            "accounts",
            "orders",
            "orders",
            "cancellations",
        ];
        assert_eq!(nouns(&works), placed);
        let refused = [("partial-return", 5), ("partial-return", 8)];
        assert_eq!(testing::refusals(&works), refused);
        let orders: Vec<_> = actions(&works)
            .into_iter()
            .filter_map(|action| match action {
                Action::Place { order, items, .. } => Some((*order, items.len())),
                Action::Cancel { order, .. } => Some((*order, 0)),
                _ => None,
            })
            .collect();
        assert_eq!(orders.iter().map(|(_, items)| *items).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(orders[2].0, orders[0].0, "the first order is the one taken back");
    }

    #[test]
    fn an_order_is_cancelled_once_and_not_before_it_was_placed() {
        let works = works(
            "C1,A,Lamp,-1,2010-12-01 08:26:00,1,7,UK\n\
             2,A,Lamp,1,2010-12-02 08:26:00,1,7,UK\n\
             C3,A,Lamp,-1,2010-12-03 08:26:00,1,7,UK\n\
             C4,A,Lamp,-1,2010-12-03 08:26:00,1,7,UK\n",
        );
        assert_eq!(testing::refusals(&works), [("partial-return", 2), ("partial-return", 5)]);
    }

    #[test]
    fn what_is_no_sale_is_refused_by_name_and_the_rest_of_the_invoice_stays() {
        let works = works(
            "536365,A,Lamp,6,2010-12-01 08:26:00,2.55,,UK\n\
             536365,PADS,Pads,1,2010-12-01 08:26:00,0.001,,UK\n\
             536365,A,damages,-3,2010-12-01 08:26:00,0,,UK\n\
             536365,A,Lamp,six,2010-12-01 08:26:00,2.55,,UK\n\
             A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,-11062.06,,UK\n\
             536367,A,Lamp,1,2010-12-01 08:26:00,-1,,UK\n",
        );
        assert_eq!(
            testing::refusals(&works),
            [
                ("price-precision", 3),
                ("negative-quantity", 4),
                ("bad-debt", 6),
                ("negative-price", 7),
            ]
        );
        assert_eq!(testing::unreadable(&works), [5]);
        assert_eq!(
            nouns(&works),
            ["products", "products", "opening stocks", "opening stocks", "accounts", "orders"]
        );
    }

    #[test]
    fn the_stock_is_that_of_the_whole_file_also_when_only_its_beginning_is_read() {
        let works = works_of_first(
            1,
            "1,A,Lamp,6,2010-12-01 08:26:00,2.55,7,UK\n\
             2,A,Lamp,4,2010-12-01 08:27:00,2.55,9,UK\n\
             3,A,Lamp,four,2010-12-01 08:27:00,2.55,9,UK\n",
        );
        assert_eq!(nouns(&works), ["products", "opening stocks", "accounts", "orders"]);
        let received = actions(&works).into_iter().find_map(|action| match action {
            Action::Receive { quantity, .. } => Some(quantity.get()),
            _ => None,
        });
        assert_eq!((received, testing::unreadable(&works).len()), (Some(10), 0));
    }

    #[test]
    fn the_set_adds_up_to_the_penny() {
        let Some(folder) = testing::data("online-retail") else { return };
        let works = testing::run(plan(&folder, None).unwrap());
        let (mut placed, mut cancelled) = ((0, 0, 0), (0, 0, 0));
        for task in testing::tasks(&works) {
            let worth: i64 = task.rows.iter().map(|row| row.worth).sum();
            let sums = match task.action {
                Action::Place { .. } => &mut placed,
                Action::Cancel { .. } => &mut cancelled,
                _ => continue,
            };
            *sums = (sums.0 + 1, sums.1 + task.rows.len(), sums.2 + worth / 1000);
        }
        assert_eq!(placed, (18_865, 475_490, 951_052_956));
        assert_eq!(cancelled, (129, 982, -15_809_894));
        let (mut rows, mut thousandths) = (0, 0);
        for work in &works {
            if let Work::Refused { rows: refused, .. } = work {
                rows += refused.len();
                thousandths += refused.iter().map(|row| row.worth).sum::<i64>();
            }
        }
        assert_eq!(placed.1 + cancelled.1 + rows, 485_337);
        let whole = (placed.2 + cancelled.2) * 1000 + thousandths;
        assert_eq!(whole, 881_908_270_400, "8,819,082.704 pounds in thousandths of a penny");
    }
}
