use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a reader likes an item, in whole points from 0 (not at all) to 10 (could not be better).
///
/// ```
/// use domain::rating::Score;
///
/// assert!(Score::try_from(10).is_ok());
/// assert!(Score::try_from(11).is_err());
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(description = "Whole points from 0 to 10.", extend("minimum" = 0, "maximum" = 10))]
pub struct Score(u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a score goes from 0 to 10, not {0}")]
pub struct ScoreOutOfRange(u8);

impl Score {
    pub const fn points(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Score {
    type Error = ScoreOutOfRange;

    fn try_from(points: u8) -> Result<Self, ScoreOutOfRange> {
        match points {
            0..=10 => Ok(Self(points)),
            _ => Err(ScoreOutOfRange(points)),
        }
    }
}

impl From<Score> for u8 {
    fn from(score: Score) -> Self {
        score.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
