//! The one place of the HTTP side where time is read.

use chrono::{DateTime, SubsecRound, Utc};

/// Now, in whole microseconds: what Postgres keeps of a time.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
