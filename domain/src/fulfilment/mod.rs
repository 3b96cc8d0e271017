//! How an order gets its stock: the memory of the process, one stream per order.
//!
//! Every product of the order is asked for, whatever the others answered. If all were reserved and
//! the order is paid, where it must be, the order is confirmed; if any was refused, the payment was
//! declined or given up, or the order was cancelled, what was reserved is released. What was paid,
//! or may have been, is then given back. A shipped order ships what was reserved. The steps are the
//! process's; this says what has been done, so that it can go on after a crash at any point.

mod aggregate;
mod command;
mod event;
mod upcast;

pub use aggregate::{Fulfilment, Payment, Refusal, State};
pub use command::{Command, Paying};
pub use event::{Event, Need};
pub(crate) use upcast::{as_it_was, without_payment};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
