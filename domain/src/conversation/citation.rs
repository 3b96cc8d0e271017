use serde::{Deserialize, Serialize};

use crate::{LessonId, Money, Name, ProductId, Text, Title};

/// What one answer cites at most.
pub const CITATIONS_MAX: usize = 8;

/// What an answer rests on, as it was when the answer was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Citation {
    Lesson {
        lesson: LessonId,
        title: Title,
        /// Those above the quotation, outermost first.
        headings: Vec<Title>,
        /// Attached to the lesson; none: the lesson itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<Name>,
        /// Word for word.
        quote: Text,
    },
    Product {
        product: ProductId,
        name: Name,
        price: Money,
        /// From its description, word for word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quote: Option<Text>,
    },
}
