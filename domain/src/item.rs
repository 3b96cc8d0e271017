//! Items: what can be rated, whatever the context it lives in.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{BookId, CourseId, ProductId};

/// The three kinds of things readers have opinions on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    Book,
    Course,
    Product,
}

impl ItemKind {
    pub const ALL: [Self; 3] = [Self::Book, Self::Course, Self::Product];

    /// The name in events and item ids: `book`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Course => "course",
            Self::Product => "product",
        }
    }

    /// The name in paths: `books`.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Book => "books",
            Self::Course => "courses",
            Self::Product => "products",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn from_plural(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == plural)
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A book, a course or a product; written `book:<uuid>`, in JSON too.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^(book|course|product):[0-9a-f-]{36}$"))]
pub struct ItemId {
    pub kind: ItemKind,
    pub id: Uuid,
}

impl ItemId {
    pub const fn new(kind: ItemKind, id: Uuid) -> Self {
        Self { kind, id }
    }
}

impl From<BookId> for ItemId {
    fn from(book: BookId) -> Self {
        Self::new(ItemKind::Book, book.uuid())
    }
}

impl From<CourseId> for ItemId {
    fn from(course: CourseId) -> Self {
        Self::new(ItemKind::Course, course.uuid())
    }
}

impl From<ProductId> for ItemId {
    fn from(product: ProductId) -> Self {
        Self::new(ItemKind::Product, product.uuid())
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an item is written book:<uuid>, course:<uuid> or product:<uuid>")]
pub struct ItemIdError;

impl FromStr for ItemId {
    type Err = ItemIdError;

    fn from_str(text: &str) -> Result<Self, ItemIdError> {
        let (kind, id) = text.split_once(':').ok_or(ItemIdError)?;
        Ok(Self {
            kind: ItemKind::from_name(kind).ok_or(ItemIdError)?,
            id: id.parse().map_err(|_| ItemIdError)?,
        })
    }
}

impl TryFrom<String> for ItemId {
    type Error = ItemIdError;

    fn try_from(text: String) -> Result<Self, ItemIdError> {
        text.parse()
    }
}

impl From<ItemId> for String {
    fn from(item: ItemId) -> Self {
        item.to_string()
    }
}
