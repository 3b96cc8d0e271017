//! Several real processes race on one log, with sessions beside them that do what no program of
//! ours does. What they saw and were told is compared with the log afterwards.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod answers;
mod children;
mod hot_stream;
mod isolation;
mod positions;
mod readers;
mod sessions;
#[expect(dead_code, reason = "every process here opens a log by its address")]
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

/// Nothing here takes a tenth of this unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);
