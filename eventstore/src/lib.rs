//! The log: append, load, read, relay and subscribe.
