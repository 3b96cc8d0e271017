use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What people call an order by: `ORD-20111209-000042`, the UTC day it was placed and a number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^ORD-[0-9]{8}-[0-9]{6}$"))]
pub struct OrderNumber {
    day: NaiveDate,
    number: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an order number is written ORD-YYYYMMDD-NNNNNN")]
pub struct OrderNumberError;

impl OrderNumber {
    pub const NUMBER_MAX: u32 = 999_999;

    /// # Errors
    /// When the number does not fit six digits, or the year four.
    pub fn new(day: NaiveDate, number: u32) -> Result<Self, OrderNumberError> {
        if (0..=9999).contains(&day.year()) && number <= Self::NUMBER_MAX {
            Ok(Self { day, number })
        } else {
            Err(OrderNumberError)
        }
    }

    pub const fn day(self) -> NaiveDate {
        self.day
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ORD-{}-{:06}", self.day.format("%Y%m%d"), self.number)
    }
}

impl FromStr for OrderNumber {
    type Err = OrderNumberError;

    fn from_str(text: &str) -> Result<Self, OrderNumberError> {
        let rest = text.strip_prefix("ORD-").ok_or(OrderNumberError)?;
        let (day, number) = rest.split_once('-').ok_or(OrderNumberError)?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if day.len() != 8 || number.len() != 6 || !digits(day) || !digits(number) {
            return Err(OrderNumberError);
        }
        let day = NaiveDate::parse_from_str(day, "%Y%m%d").map_err(|_| OrderNumberError)?;
        Self::new(day, number.parse().map_err(|_| OrderNumberError)?)
    }
}

impl TryFrom<String> for OrderNumber {
    type Error = OrderNumberError;

    fn try_from(text: String) -> Result<Self, OrderNumberError> {
        text.parse()
    }
}

impl From<OrderNumber> for String {
    fn from(number: OrderNumber) -> Self {
        number.to_string()
    }
}
