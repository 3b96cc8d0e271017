//! Every rule of the business, pure: no I/O, no clock.
