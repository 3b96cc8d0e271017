//! Files that belong to something: covers of books, courses and products, material of lessons.
//!
//! A file is attached under a name; the same name again replaces it, and the same content again
//! changes nothing. A target has at most [`FILES_MAX`] files. The events name the content by its
//! SHA-256 and its media type; the content itself is kept elsewhere, and is there before the event.
//! That what a file is attached to exists, and that whoever attaches may, the caller looks up. A file
//! can be removed also when its target has gone.

mod aggregate;
mod command;
mod content;
mod event;
mod media_type;
mod name;
mod target;

pub use aggregate::{FILES_MAX, Files, Refusal};
pub use command::Command;
pub use content::{Content, Sha256, Sha256Error, Size, SizeError};
pub use event::Event;
pub use media_type::{HEAD_BYTES, MediaType, MediaTypeError};
pub use name::{FileName, FileNameError};
pub use target::{Target, TargetError};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
