//! Fills the read models from the log.
