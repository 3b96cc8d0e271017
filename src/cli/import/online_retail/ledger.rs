//! The whole set in memory, by invoice: cancellations refer to orders long before them, and some
//! invoices' rows are not together.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{Name, Quantity, order::LINES_MAX, product::Sku};

use super::{GUEST, price::Price};
use crate::cli::import::{
    table::{Line, Row, RowRef, Table},
    when,
    work::Work,
};

const COLUMNS: [&str; 7] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];

#[derive(Default)]
pub struct Ledger {
    pub goods: Vec<Good>,
    pub invoices: Vec<Invoice>,
    /// For each invoice, what it takes back.
    pub cancels: Vec<Cancels>,
    /// Rows that belong to no order, in the order of the file.
    pub others: Vec<Other>,
    pub blank_lines: u64,
    by_code: HashMap<String, u32>,
    by_number: HashMap<String, usize>,
}

/// Something sold under one stock code.
pub struct Good {
    pub code: String,
    pub sku: Sku,
    /// The first description given for a sale.
    description: String,
    /// In pence, as last sold for more than nothing.
    pub price: i64,
    /// All pieces of all rows that sell it.
    pub sold: u64,
}

pub struct Invoice {
    /// As the file has it, `C` included.
    pub number: String,
    customer: String,
    /// Of its first row: 43 invoices carry two minutes.
    pub at: DateTime<Utc>,
    pub entries: Vec<Entry>,
}

pub struct Entry {
    pub good: u32,
    /// Negative where it takes back.
    pub quantity: i64,
    pub price: Price,
    line: u64,
    pub text: Box<str>,
}

/// Goods with prices and quantities, sorted.
type Contents = Vec<(u32, Price, i64)>;

pub enum Cancels {
    Nothing,
    /// The invoice of that index, whole.
    Order(usize),
    Part,
}

pub struct Other {
    row: RowRef,
    /// Without a code it is unreadable.
    code: Option<&'static str>,
    detail: String,
}

impl Other {
    pub fn work(&self) -> Work {
        match self.code {
            Some(code) => Work::refused(self.row.clone(), code, &self.detail),
            None => Work::unreadable(self.row.clone(), &self.detail),
        }
    }
}

impl Good {
    /// What the shop calls it; 14 codes of the set have no description anywhere.
    pub fn name(&self) -> anyhow::Result<Name> {
        let made_up = || format!("Item {}", self.code).parse();
        Ok(self.description.parse().or_else(|_| made_up())?)
    }
}

impl Invoice {
    fn takes_back(&self) -> bool {
        self.number.starts_with(['C', 'c'])
    }

    pub fn customer(&self) -> &str {
        if self.customer.is_empty() { GUEST } else { &self.customer }
    }

    /// What was bought or taken back, in an order of its own: how many of which good at which price.
    fn contents(&self) -> Contents {
        let sign = if self.takes_back() { -1 } else { 1 };
        let mut contents: Vec<_> = self
            .entries
            .iter()
            .map(|entry| (entry.good, entry.price, sign * entry.quantity))
            .collect();
        contents.sort_unstable();
        contents
    }
}

impl Entry {
    pub fn row(&self, file: usize) -> RowRef {
        RowRef::new(file, self.line, &self.text).worth(self.price.times(self.quantity))
    }
}

impl Ledger {
    /// Of the rows after `rows_max` only the goods are taken, so that a second run with more rows
    /// finds the stock they need.
    pub fn read(table: &mut Table, rows_max: u64) -> anyhow::Result<Self> {
        let columns = table.columns(COLUMNS)?;
        let mut ledger = Self::default();
        let mut rows = 0;
        while let Some(line) = table.next()? {
            rows += 1;
            let counts = rows <= rows_max;
            let read = match line {
                Line::Row(row) => ledger.enter(&row, columns, counts),
                Line::Unreadable { row, why } => Err(Other { row, code: None, detail: why }),
            };
            if let Err(other) = read
                && counts
            {
                ledger.others.push(other);
            }
        }
        ledger.blank_lines = table.blank_lines;
        ledger.match_cancellations();
        Ok(ledger)
    }

    fn enter(&mut self, row: &Row<'_>, columns: [usize; 7], counts: bool) -> Result<(), Other> {
        let [number, code, description, quantity, at, price, customer] =
            columns.map(|column| row.field(column));
        let unreadable = |detail: String| Other { row: row.reference(), code: None, detail };
        let pieces: i64 =
            quantity.parse().map_err(|_| unreadable(format!("'{quantity}' is not a quantity")))?;
        let time = when::parse(at).ok_or_else(|| unreadable(format!("'{at}' is not a time")))?;
        let price =
            Price::parse(price).ok_or_else(|| unreadable(format!("'{price}' is not a price")))?;
        let sku: Sku = code.parse().map_err(|error| unreadable(format!("{error}")))?;

        let refused = |code, detail: &str| {
            let row = row.reference().worth(price.times(pieces));
            Other { row, code: Some(code), detail: detail.to_owned() }
        };
        if number.starts_with(['A', 'a']) {
            return Err(refused("bad-debt", "it adjusts a bad debt and is no order"));
        }
        let takes_back = number.starts_with(['C', 'c']);
        if price.is_negative() {
            return Err(refused("negative-price", "a price is never negative"));
        }
        if takes_back && pieces >= 0 {
            return Err(refused("positive-return", "a cancellation takes back and does not give"));
        }
        if !takes_back && pieces < 0 {
            return Err(refused("negative-quantity", "it corrects the stock and is no sale"));
        }
        // The stock counts every piece sold, also where the price is in doubt.
        let good = self.good(code, sku, description, price, if takes_back { 0 } else { pieces });
        if !price.is_whole_pence() && !takes_back {
            return Err(refused("price-precision", "a price is a whole number of pence"));
        }
        if pieces == 0 || pieces.abs() > i64::from(Quantity::MAX) {
            return Err(refused("invalid-quantity", "a quantity goes from 1 to 999999"));
        }
        if number.is_empty() {
            return Err(unreadable("it belongs to no invoice".to_owned()));
        }
        if !counts {
            return Ok(());
        }
        let index = *self.by_number.entry(number.to_owned()).or_insert_with(|| {
            self.invoices.push(Invoice {
                number: number.to_owned(),
                customer: customer.strip_suffix(".0").unwrap_or(customer).to_owned(),
                at: time,
                entries: Vec::new(),
            });
            self.invoices.len() - 1
        });
        if self.invoices[index].entries.len() >= LINES_MAX {
            return Err(refused("too-many-lines", "an order has at most 2,000 lines"));
        }
        self.invoices[index].entries.push(Entry {
            good,
            quantity: pieces,
            price,
            line: row.line,
            text: row.text().into(),
        });
        Ok(())
    }

    /// The good of that code, with what this row says of it.
    fn good(&mut self, code: &str, sku: Sku, description: &str, price: Price, sold: i64) -> u32 {
        let index = *self.by_code.entry(code.to_owned()).or_insert_with(|| {
            self.goods.push(Good {
                code: code.to_owned(),
                sku,
                description: String::new(),
                price: 0,
                sold: 0,
            });
            (self.goods.len() - 1) as u32
        });
        let good = &mut self.goods[index as usize];
        if sold > 0 {
            good.sold += sold.unsigned_abs();
            if good.description.is_empty() {
                description.clone_into(&mut good.description);
            }
            if price.minor() > 0 {
                good.price = price.minor();
            }
        }
        index
    }

    /// Finds for each cancellation the latest order before it that it takes back whole.
    fn match_cancellations(&mut self) {
        let mut open: HashMap<(&str, Contents), Vec<usize>> = HashMap::new();
        let mut cancels = Vec::with_capacity(self.invoices.len());
        for (at, invoice) in self.invoices.iter().enumerate() {
            let key = (invoice.customer.as_str(), invoice.contents());
            cancels.push(if !invoice.takes_back() {
                open.entry(key).or_default().push(at);
                Cancels::Nothing
            } else if let Some(order) = open.get_mut(&key).and_then(Vec::pop) {
                Cancels::Order(order)
            } else {
                Cancels::Part
            });
        }
        drop(open);
        self.cancels = cancels;
    }

    /// Every good that was sold at all.
    pub fn sold(&self) -> impl Iterator<Item = &Good> {
        self.goods.iter().filter(|good| good.sold > 0)
    }

    /// When the shop opened, as far as the set knows.
    pub fn first_time(&self) -> DateTime<Utc> {
        let first = self.invoices.iter().map(|invoice| invoice.at).min();
        first.unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Everybody who placed an order, with the time of the first.
    pub fn customers(&self) -> Vec<(Box<str>, DateTime<Utc>)> {
        let mut seen = std::collections::HashSet::new();
        let orders = self.invoices.iter().filter(|invoice| !invoice.takes_back());
        orders
            .filter(|invoice| seen.insert(invoice.customer()))
            .map(|invoice| (invoice.customer().into(), invoice.at))
            .collect()
    }
}
