//! Sample values that all slices share. Compiled for tests and for the feature `samples`.

#![expect(clippy::expect_used, reason = "a sample that does not parse is a mistake in this file")]

use chrono::{DateTime, TimeZone, Utc};
use uuid::Uuid;

use crate::{
    AccountId, BookId, CommentId, CourseId, LessonId, Money, OrderId, ProductId, Tag, Tags,
};

/// A fixed instant, and the seconds after it.
pub fn at(second: i64) -> DateTime<Utc> {
    let start = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).single().expect("this day exists");
    start + chrono::Duration::seconds(second)
}

/// The id made of one number, so that tests can count things.
pub const fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub fn ada() -> AccountId {
    uuid(0xada).into()
}

pub fn bob() -> AccountId {
    uuid(0xb0b).into()
}

pub fn middlemarch() -> BookId {
    uuid(0xb001).into()
}

pub fn rust_course() -> CourseId {
    uuid(0xc001).into()
}

pub fn lesson(number: u128) -> LessonId {
    uuid(0x1e5_5000 + number).into()
}

pub fn lantern() -> ProductId {
    product(1)
}

pub fn product(number: u128) -> ProductId {
    uuid(0x9_0000 + number).into()
}

pub fn order(number: u128) -> OrderId {
    uuid(0x0d_0000 + number).into()
}

pub fn comment(number: u128) -> CommentId {
    uuid(0xc_3000 + number).into()
}

pub fn pounds(minor: i64) -> Money {
    Money::new(minor, crate::Currency::GBP).expect("samples cost something")
}

/// Any checked text type from a literal.
pub fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("the sample text is sound")
}

pub fn tags<const N: usize>(names: [&str; N]) -> Tags {
    let tags: Vec<Tag> = names.into_iter().map(text).collect();
    tags.try_into().expect("samples have few tags")
}

pub fn quantity(pieces: u32) -> crate::Quantity {
    pieces.try_into().expect("samples have sound quantities")
}
