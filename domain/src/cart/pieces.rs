use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Quantity;

/// How many of one product a customer wants: 1 to 999.
///
/// ```
/// use domain::cart::Pieces;
///
/// assert!(Pieces::try_from(999).is_ok());
/// assert!(Pieces::try_from(0).is_err());
/// assert!(Pieces::try_from(1_000).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = 1, "maximum" = Self::MAX))]
pub struct Pieces(Quantity);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cart takes 1 to {max} of a product, not {0}", max = Pieces::MAX)]
pub struct PiecesError(u32);

impl Pieces {
    pub const MAX: u32 = 999;
}

impl TryFrom<u32> for Pieces {
    type Error = PiecesError;

    fn try_from(pieces: u32) -> Result<Self, PiecesError> {
        match Quantity::try_from(pieces) {
            Ok(quantity) if pieces <= Self::MAX => Ok(Self(quantity)),
            _ => Err(PiecesError(pieces)),
        }
    }
}

impl From<Pieces> for u32 {
    fn from(pieces: Pieces) -> Self {
        pieces.0.get()
    }
}

impl From<Pieces> for Quantity {
    fn from(pieces: Pieces) -> Self {
        pieces.0
    }
}
