use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Markdown, Tags, Text, Title};

/// What a course says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CourseDetails")]
pub struct Details {
    pub title: Title,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    #[serde(default)]
    pub skills: Tags,
    /// How many students may be enrolled at a time; without it, any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Seats>,
}

/// What a course expects of its students.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CourseLevel")]
pub enum Level {
    Beginner,
    Intermediate,
    Advanced,
}

/// A number of places from 1 to 1,000,000.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = 1, "maximum" = 1_000_000))]
pub struct Seats(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a course has 1 to 1000000 seats, not {0}")]
pub struct SeatsError(u32);

impl TryFrom<u32> for Seats {
    type Error = SeatsError;

    fn try_from(seats: u32) -> Result<Self, SeatsError> {
        match seats {
            1..=1_000_000 => Ok(Self(seats)),
            _ => Err(SeatsError(seats)),
        }
    }
}

impl From<Seats> for u32 {
    fn from(seats: Seats) -> Self {
        seats.0
    }
}

/// One lesson. Text may come later, but without any no course is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LessonDetails {
    pub title: Title,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Markdown>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<Minutes>,
}

/// How long a lesson takes, from 1 minute to a week.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u16", into = "u16")]
#[schemars(extend("minimum" = 1, "maximum" = 10_080))]
pub struct Minutes(u16);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lesson takes 1 to 10080 minutes, not {0}")]
pub struct MinutesError(u16);

impl TryFrom<u16> for Minutes {
    type Error = MinutesError;

    fn try_from(minutes: u16) -> Result<Self, MinutesError> {
        match minutes {
            1..=10_080 => Ok(Self(minutes)),
            _ => Err(MinutesError(minutes)),
        }
    }
}

impl From<Minutes> for u16 {
    fn from(minutes: Minutes) -> Self {
        minutes.0
    }
}
