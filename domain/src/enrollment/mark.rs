use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a student scored in a lesson's assessment, 0 to 100.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(extend("minimum" = 0, "maximum" = 100))]
pub struct Mark(u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the score of a lesson goes from 0 to 100, not {0}")]
pub struct MarkError(u8);

impl TryFrom<u8> for Mark {
    type Error = MarkError;

    fn try_from(points: u8) -> Result<Self, MarkError> {
        match points {
            0..=100 => Ok(Self(points)),
            _ => Err(MarkError(points)),
        }
    }
}

impl From<Mark> for u8 {
    fn from(mark: Mark) -> Self {
        mark.0
    }
}
