use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An International Standard Book Number with a right check digit, kept as its 13 digits.
///
/// ```
/// use domain::book::Isbn;
///
/// let isbn: Isbn = "0-306-40615-2".parse()?;
/// assert_eq!(isbn.to_string(), "9780306406157");
/// # Ok::<(), domain::book::IsbnError>(())
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(description = "An ISBN as its 13 digits.", extend("pattern" = "^97[89][0-9]{10}$"))]
pub struct Isbn([u8; 13]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IsbnError {
    #[error("an ISBN has 10 or 13 digits")]
    Length,
    #[error("an ISBN of 13 digits begins with 978 or 979")]
    Prefix,
    #[error("the check digit of the ISBN is wrong")]
    CheckDigit,
}

impl Isbn {
    /// Ten or thirteen digits; spaces and hyphens are ignored, `X` may end the short form.
    ///
    /// # Errors
    /// When the length, the prefix or the check digit is wrong.
    pub fn parse(text: &str) -> Result<Self, IsbnError> {
        let written: Vec<char> =
            text.chars().filter(|c| !matches!(c, '-' | ' ' | '\u{2010}' | '\u{2011}')).collect();
        match written.len() {
            10 => Self::from_ten(&written),
            13 => Self::from_thirteen(&written),
            _ => Err(IsbnError::Length),
        }
    }

    fn from_ten(written: &[char]) -> Result<Self, IsbnError> {
        let mut sum = 0;
        for (place, symbol) in written.iter().enumerate() {
            let value = match symbol {
                'X' | 'x' if place == 9 => 10,
                _ => symbol.to_digit(10).ok_or(IsbnError::Length)?,
            };
            sum += value * (10 - place as u32);
        }
        if sum % 11 != 0 {
            return Err(IsbnError::CheckDigit);
        }
        let mut digits = [9, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (digit, symbol) in digits[3..12].iter_mut().zip(written) {
            *digit = symbol.to_digit(10).ok_or(IsbnError::Length)? as u8;
        }
        digits[12] = check_digit(&digits);
        Ok(Self(digits))
    }

    fn from_thirteen(written: &[char]) -> Result<Self, IsbnError> {
        let mut digits = [0; 13];
        for (digit, symbol) in digits.iter_mut().zip(written) {
            *digit = symbol.to_digit(10).ok_or(IsbnError::Length)? as u8;
        }
        match digits {
            [9, 7, 8 | 9, ..] if digits[12] == check_digit(&digits) => Ok(Self(digits)),
            [9, 7, 8 | 9, ..] => Err(IsbnError::CheckDigit),
            _ => Err(IsbnError::Prefix),
        }
    }
}

/// Weights 1 and 3 in turn over the first twelve digits, completed to a multiple of ten.
fn check_digit(digits: &[u8; 13]) -> u8 {
    let weighed = digits[..12].iter().enumerate();
    let sum: u8 =
        weighed.map(|(place, digit)| if place % 2 == 0 { *digit } else { digit * 3 }).sum();
    (10 - sum % 10) % 10
}

impl FromStr for Isbn {
    type Err = IsbnError;

    fn from_str(text: &str) -> Result<Self, IsbnError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Isbn {
    type Error = IsbnError;

    fn try_from(text: String) -> Result<Self, IsbnError> {
        Self::parse(&text)
    }
}

impl From<Isbn> for String {
    fn from(isbn: Isbn) -> Self {
        isbn.to_string()
    }
}

impl fmt::Display for Isbn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{digit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, IsbnError>) {
        let isbn = Isbn::parse(text).map(|isbn| isbn.to_string());
        assert_eq!(isbn, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn both_lengths_name_the_same_book() {
        check("0-306-40615-2", Ok("9780306406157"));
        check("978-0-306-40615-7", Ok("9780306406157"));
        check("080442957X", Ok("9780804429573"));
        check("0 8044 2957 x", Ok("9780804429573"));
        check("979-10-90636-07-1", Ok("9791090636071"));
    }

    #[test]
    fn a_wrong_number_is_refused() {
        check("0306406153", Err(IsbnError::CheckDigit));
        check("9780306406158", Err(IsbnError::CheckDigit));
        check("1234567890128", Err(IsbnError::Prefix));
        check("306406152", Err(IsbnError::Length));
        check("03064061X2", Err(IsbnError::Length));
        check("", Err(IsbnError::Length));
    }
}
