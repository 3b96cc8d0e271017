//! Orders of the shop.
//!
//! An order has 1 to 2,000 lines in one currency, at prices fixed when it is placed. It is PENDING,
//! then CONFIRMED (everything is reserved) or REJECTED, then SHIPPED, then DELIVERED. Its customer,
//! or a merchandiser, may cancel it until it is shipped. Its number is given with the command: unique, not gapless.

mod aggregate;
mod command;
mod event;
mod number;

pub use aggregate::{LINES_MAX, LINES_PER_EVENT_MAX, Order, Refusal};
pub use command::Command;
pub use event::{Event, Line, Reason, Short, Status};
pub use number::{OrderNumber, OrderNumberError};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
