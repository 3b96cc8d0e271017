//! Facts that must be unique or scarce across streams, kept by the log in the same transaction.

/// What an event takes, limits or gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Only one holder may have (kind, key). A `personal` key is replaced by its keyed hash before
    /// it is stored.
    Unique { kind: &'static str, key: String, holder: String, personal: bool },
    /// One of the places of (kind, key), whose number `Capacity` has set; unlimited if never set.
    Place { kind: &'static str, key: String, holder: String },
    /// Sets how many places (kind, key) has; `None` is unlimited. Never evicts a holder.
    Capacity { kind: &'static str, key: String, places: Option<u32> },
    /// Gives back whatever `holder` has of `kind`.
    Release { kind: &'static str, holder: String },
}
