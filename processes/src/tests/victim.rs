//! A program of its own that runs the processes until it is killed.

use std::sync::Arc;

use eventstore::Feed;
use tokio_util::sync::CancellationToken;

use super::{program, provider};
use crate::process::Providers;

/// A program that is only there to be killed by the test below; by itself it has nothing to do.
#[tokio::test]
async fn a_program_of_its_own_runs_until_it_is_killed() {
    if let Ok(url) = std::env::var(VICTIM) {
        let log = program(&url).await;
        let feed = Feed::new(log.reader().clone(), None);
        let mut providers = Providers::default();
        if let Ok(url) = std::env::var(PAYMENT) {
            providers.payment = Arc::new(provider::client(&url));
        }
        crate::run(log, feed, providers, CancellationToken::new()).await;
    }
}

const VICTIM: &str = "DAYBOOK_TEST_RUN_PROCESSES_ON";
const PAYMENT: &str = "DAYBOOK_TEST_PAY_AT";

/// Ends as by `kill -9`.
pub struct Victim(std::process::Child);

impl Victim {
    pub fn start(url: &str) -> Self {
        Self::with(url, &[])
    }

    pub fn paying(url: &str, payment: &str) -> Self {
        Self::with(url, &[(PAYMENT, payment)])
    }

    fn with(url: &str, settings: &[(&str, &str)]) -> Self {
        let this = std::env::current_exe().expect("a test has a program");
        let mut command = std::process::Command::new(this);
        command.args(["--exact", "tests::victim::a_program_of_its_own_runs_until_it_is_killed"]);
        command.envs(settings.iter().copied());
        command.env(VICTIM, url).stdout(std::process::Stdio::null());
        let child = local_services::spawn_bound_to_us(command, local_services::Signal::Kill);
        Self(child.expect("the test's program starts"))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("it was still running");
    }
}
