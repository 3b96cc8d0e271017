use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CourseId, ItemId, ItemKind, LessonId};

/// What files are attached to: an item, or a lesson of a course. Written `book:<uuid>` or
/// `lesson:<course>:<lesson>`, in JSON too, and names the stream.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(
    rename = "FileTarget",
    extend("pattern" = "^((book|course|product):[0-9a-f-]{36}|lesson:[0-9a-f-]{36}:[0-9a-f-]{36})$")
)]
pub enum Target {
    Item(ItemId),
    Lesson { course: CourseId, lesson: LessonId },
}

impl Target {
    /// The kind of every lesson; no item has it.
    const LESSON: &'static str = "lesson";

    /// `book`, `course`, `product` or `lesson`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Item(item) => item.kind.name(),
            Self::Lesson { .. } => Self::LESSON,
        }
    }

    /// The item; of a lesson, its course.
    pub fn item(self) -> ItemId {
        match self {
            Self::Item(item) => item,
            Self::Lesson { course, .. } => course.into(),
        }
    }

    pub const fn lesson(self) -> Option<LessonId> {
        match self {
            Self::Item(_) => None,
            Self::Lesson { lesson, .. } => Some(lesson),
        }
    }

    /// The course that the target is, or is a part of.
    pub fn course(self) -> Option<CourseId> {
        let item = self.item();
        (item.kind == ItemKind::Course).then(|| item.id.into())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(item) => item.fmt(f),
            Self::Lesson { course, lesson } => write!(f, "{}:{course}:{lesson}", Self::LESSON),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("files belong to book:<uuid>, course:<uuid>, product:<uuid> or lesson:<course>:<lesson>")]
pub struct TargetError;

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        match text.split_once(':') {
            Some((Self::LESSON, ids)) => {
                let (course, lesson) = ids.split_once(':').ok_or(TargetError)?;
                Ok(Self::Lesson {
                    course: course.parse().map_err(|_| TargetError)?,
                    lesson: lesson.parse().map_err(|_| TargetError)?,
                })
            }
            _ => text.parse().map(Self::Item).map_err(|_| TargetError),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}
