//! Prices as the set writes them, exact to a thousandth of a penny.

/// An amount in thousandths of a penny: four prices of the set have a tenth of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

const THOUSANDTHS: i64 = 1000;
/// Pounds have 2 digits of pence, and pence 3 of thousandths.
const DECIMALS_MAX: usize = 5;

impl Price {
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = decimals.trim_end_matches('0');
        let sound = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let empty = whole.is_empty() && decimals.is_empty();
        if empty || decimals.len() > DECIMALS_MAX || !sound(whole) || !sound(decimals) {
            return None;
        }
        let amount: i64 = format!("{whole}{decimals:0<DECIMALS_MAX$}").parse().ok()?;
        Some(Self(if negative { -amount } else { amount }))
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub const fn is_whole_pence(self) -> bool {
        self.0 % THOUSANDTHS == 0
    }

    /// In pence.
    pub const fn minor(self) -> i64 {
        self.0 / THOUSANDTHS
    }

    /// In thousandths of a penny, for so many pieces.
    pub const fn times(self, quantity: i64) -> i64 {
        self.0.saturating_mul(quantity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_exactly() {
        for (text, thousandths) in [
            ("2.55", 255_000),
            ("0.001", 100),
            ("-11062.06", -1_106_206_000),
            ("0", 0),
            ("0.0", 0),
            (".5", 50_000),
            ("1.1000000", 110_000),
        ] {
            assert_eq!(Price::parse(text), Some(Price(thousandths)), "{text}");
        }
        for text in ["", "-", ".", "1,5", "1e3", "1.2.3", "0.0000001", "99999999999999999999"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }
}
