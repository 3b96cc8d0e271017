//! Money in minor units of an ISO 4217 currency.

mod active;

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Quantity;

/// Three upper-case letters as in ISO 4217, such as `GBP`. What was priced before may have a code that
/// was given up since, or never was one; nothing new is priced in it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Z]{3}$"))]
pub struct Currency([u8; 3]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three upper-case letters of ISO 4217, such as GBP")]
pub struct CurrencyError;

impl Currency {
    pub const GBP: Self = Self(*b"GBP");
    pub const EUR: Self = Self(*b"EUR");
    pub const USD: Self = Self(*b"USD");

    /// Whether it is money today.
    pub fn is_active(self) -> bool {
        active::CODES.split(' ').any(|code| code.as_bytes() == self.0)
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(code: &str) -> Result<Self, CurrencyError> {
        match code.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) => {
                Ok(Self([*a, *b, *c]))
            }
            _ => Err(CurrencyError),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;

    fn try_from(code: String) -> Result<Self, CurrencyError> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

/// An amount that is never negative, and never so large that the sums of a business could not be
/// written down: `{"minor": 1999, "currency": "GBP"}` is 19.99 pounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("an amount of money is never negative")]
    Negative,
    #[error("an amount of money has at most {} minor units", Money::MINOR_MAX)]
    TooLarge,
}

impl Money {
    /// Ten trillion pounds. Thousands of such amounts still fit the counters of analytics.
    pub const MINOR_MAX: i64 = 1_000_000_000_000_000;

    /// # Errors
    /// When `minor` is negative or above [`Self::MINOR_MAX`].
    pub const fn new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        match minor {
            0..=Self::MINOR_MAX => Ok(Self { minor, currency }),
            ..0 => Err(MoneyError::Negative),
            _ => Err(MoneyError::TooLarge),
        }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    pub const fn minor(self) -> i64 {
        self.minor
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// `None` when the currencies differ or the sum is too large to write down.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        (self.currency == other.currency).then_some(())?;
        Self::new(self.minor.checked_add(other.minor)?, self.currency).ok()
    }

    /// `None` when the product is too large to write down.
    pub fn checked_mul(self, quantity: Quantity) -> Option<Self> {
        let minor = self.minor.checked_mul(i64::from(quantity.get()))?;
        Self::new(minor, self.currency).ok()
    }
}

/// `Money` as it stands in JSON, before it is checked.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    #[schemars(range(min = 0, max = Money::MINOR_MAX))]
    minor: i64,
    currency: Currency,
}

impl TryFrom<Written> for Money {
    type Error = MoneyError;

    fn try_from(written: Written) -> Result<Self, MoneyError> {
        Self::new(written.minor, written.currency)
    }
}

impl From<Money> for Written {
    fn from(money: Money) -> Self {
        Self { minor: money.minor, currency: money.currency }
    }
}
