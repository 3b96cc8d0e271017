//! Every endpoint against a real database.
