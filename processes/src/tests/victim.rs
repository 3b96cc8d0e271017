//! A program of its own that runs the processes until it is killed.

use eventstore::Feed;
use tokio_util::sync::CancellationToken;

use super::program;

/// A program that is only there to be killed by the test below; by itself it has nothing to do.
#[tokio::test]
async fn a_program_of_its_own_runs_until_it_is_killed() {
    if let Ok(url) = std::env::var(VICTIM) {
        let log = program(&url).await;
        let feed = Feed::new(log.reader().clone(), None);
        crate::run(log, feed, None, CancellationToken::new()).await;
    }
}

const VICTIM: &str = "DAYBOOK_TEST_RUN_PROCESSES_ON";

/// Ends as by `kill -9`.
pub struct Victim(std::process::Child);

impl Victim {
    pub fn start(url: &str) -> Self {
        let this = std::env::current_exe().expect("a test has a program");
        let mut command = std::process::Command::new(this);
        command.args(["--exact", "tests::victim::a_program_of_its_own_runs_until_it_is_killed"]);
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
