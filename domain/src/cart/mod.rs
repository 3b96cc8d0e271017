//! Customers fill a cart and check it out.
//!
//! One cart a customer, of at most 200 different products, 1 to 999 of each. Quantities are set, not
//! added: the same again changes nothing, nor does removing what is not there. Only a product that is
//! sold can be put in; removing works also when it has gone. Prices are not in the cart: an order fixes
//! them when it is placed.
//!
//! Checking out takes exactly the ordered lines out of the cart, in the same append that places the
//! order: what is put in meanwhile stays.

mod aggregate;
mod command;
mod event;
mod pieces;

pub use aggregate::{Cart, PRODUCTS_MAX, Refusal};
pub use command::Command;
pub use event::{Event, Line};
pub use pieces::{Pieces, PiecesError};

#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
