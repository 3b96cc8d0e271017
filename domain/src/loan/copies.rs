use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many copies of a book there are to lend, from none to 10,000.
///
/// ```
/// use domain::loan::Copies;
///
/// assert!(Copies::try_from(10_000).is_ok());
/// assert!(Copies::try_from(10_001).is_err());
/// ```
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = 0, "maximum" = Self::MAX))]
pub struct Copies(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a book has from 0 to {max} copies, not {0}", max = Copies::MAX)]
pub struct CopiesOutOfRange(u32);

impl Copies {
    pub const MAX: u32 = 10_000;

    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Copies {
    type Error = CopiesOutOfRange;

    fn try_from(copies: u32) -> Result<Self, CopiesOutOfRange> {
        match copies {
            0..=Self::MAX => Ok(Self(copies)),
            _ => Err(CopiesOutOfRange(copies)),
        }
    }
}

impl From<Copies> for u32 {
    fn from(copies: Copies) -> Self {
        copies.0
    }
}

impl From<Copies> for i64 {
    fn from(copies: Copies) -> Self {
        Self::from(copies.0)
    }
}

impl fmt::Display for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
