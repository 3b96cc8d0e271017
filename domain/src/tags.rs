//! Short lists of tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Tag;

/// At most 50 different tags, in the order given; repeated ones are dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Tag>", into = "Vec<Tag>")]
#[schemars(extend("maxItems" = Self::COUNT_MAX, "uniqueItems" = true))]
pub struct Tags(Vec<Tag>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most {max} different tags, not {0}", max = Tags::COUNT_MAX)]
pub struct TagsError(usize);

impl Tags {
    pub const COUNT_MAX: usize = 50;

    pub fn as_slice(&self) -> &[Tag] {
        &self.0
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Tag> {
        self.0.iter()
    }
}

impl TryFrom<Vec<Tag>> for Tags {
    type Error = TagsError;

    fn try_from(tags: Vec<Tag>) -> Result<Self, TagsError> {
        let mut different: Vec<Tag> = Vec::with_capacity(tags.len().min(Self::COUNT_MAX));
        for tag in tags {
            if !different.contains(&tag) {
                different.push(tag);
            }
            if different.len() > Self::COUNT_MAX {
                return Err(TagsError(different.len()));
            }
        }
        Ok(Self(different))
    }
}

impl From<Tags> for Vec<Tag> {
    fn from(tags: Tags) -> Self {
        tags.0
    }
}

impl<'a> IntoIterator for &'a Tags {
    type Item = &'a Tag;
    type IntoIter = std::slice::Iter<'a, Tag>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
