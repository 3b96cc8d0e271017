//! How an order gets its stock: the memory of the process, one stream per order.
//!
//! Every product of the order is asked for, whatever the others answered. If all were reserved the
//! order is confirmed; if any was refused, or the order was cancelled, what was reserved is
//! released. A shipped order ships what was reserved. The steps are the process's; this says what
//! has been done, so that it can go on after a crash at any point.

mod aggregate;
mod command;
mod event;

pub use aggregate::{Fulfilment, Refusal, State};
pub use command::Command;
pub use event::{Event, Need};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
