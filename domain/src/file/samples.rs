//! Files for tests.

use super::{Command, Content, Event, FileName, MediaType, Size, Target};
use crate::samples::{at, lesson, middlemarch, rust_course, text};

pub fn book() -> Target {
    Target::Item(middlemarch().into())
}

pub fn first_lesson() -> Target {
    Target::Lesson { course: rust_course(), lesson: lesson(1) }
}

pub fn cover() -> FileName {
    text("cover.png")
}

/// Content that no other number has.
pub fn content(number: u8) -> Content {
    let media_type = MediaType::Png;
    Content { media_type, size: size(1000 + u64::from(number)), sha256: [number; 32].into() }
}

fn size(bytes: u64) -> Size {
    bytes.try_into().expect("samples are small")
}

pub fn attach(target: Target, name: FileName, content: Content) -> Command {
    Command::Attach { target, name, content, at: at(0) }
}

pub fn remove(target: Target, name: FileName) -> Command {
    Command::Remove { target, name, at: at(2) }
}

pub fn attached(target: Target, name: FileName, content: Content) -> Event {
    Event::FileAttached { target, name, content, at: at(0) }
}

pub fn replaced(target: Target, name: FileName, from: Content, to: Content) -> Event {
    Event::FileReplaced { target, name, from, to, at: at(0) }
}

pub fn removed(target: Target, name: FileName, content: Content) -> Event {
    Event::FileRemoved { target, name, content, at: at(2) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![
        attached(book(), cover(), content(1)),
        replaced(book(), cover(), content(1), content(2)),
        removed(first_lesson(), cover(), content(2)),
    ]
}
