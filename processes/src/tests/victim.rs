//! A program of its own that runs the processes until it is killed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use blobstore::Blobs;
use domain::samples::at;
use eventstore::Feed;
use retrieval::{Embedder, TextModel};
use tokio_util::sync::CancellationToken;

use super::{program, provider};
use crate::extraction::Extractor;
use crate::process::Providers;

/// A program that is only there to be killed by the test below; by itself it has nothing to do.
#[tokio::test]
async fn a_program_of_its_own_runs_until_it_is_killed() {
    if let Ok(url) = std::env::var(VICTIM) {
        let log = program(&url).await;
        if std::env::var(LISTS).is_ok() {
            let (look_every, shutdown) = (Duration::from_millis(10), CancellationToken::new());
            return crate::weekly::keep(log, look_every, || at(0), shutdown).await;
        }
        let feed = Feed::new(log.reader().clone(), None);
        let mut providers = Providers::default();
        if let Ok(url) = std::env::var(PAYMENT) {
            providers.payment = Arc::new(provider::client(&url));
        }
        if let Ok(folder) = std::env::var(MODEL) {
            let model = Embedder::load(folder.as_ref()).expect("the model is there");
            providers.text_model = TextModel::ready(model);
        }
        if let Ok(folder) = std::env::var(FILES) {
            providers.extractor = Some(extractor(folder.as_ref()));
        }
        crate::run(log, feed, providers, CancellationToken::new()).await;
    }
}

const VICTIM: &str = "DAYBOOK_TEST_RUN_PROCESSES_ON";
const PAYMENT: &str = "DAYBOOK_TEST_PAY_AT";
const MODEL: &str = "DAYBOOK_TEST_MODEL_IN";
const FILES: &str = "DAYBOOK_TEST_FILES_IN";
const LISTS: &str = "DAYBOOK_TEST_KEEP_LISTS";

/// For files that need no program of their own to be read.
pub fn extractor(files: &Path) -> Extractor {
    Extractor::new(Blobs::folder(files), "there-is-none".into())
}

/// Ends as by `kill -9`.
pub struct Victim(std::process::Child);

impl Victim {
    pub fn start(url: &str) -> Self {
        Self::with(url, &[])
    }

    pub fn paying(url: &str, payment: &str) -> Self {
        Self::with(url, &[(PAYMENT, payment)])
    }

    pub fn reading(url: &str, model: &Path, files: &Path) -> Self {
        let text = |path: &Path| path.to_str().expect("a path of a test").to_owned();
        Self::with(url, &[(MODEL, &text(model)), (FILES, &text(files))])
    }

    /// Fixes the lists of the day of [`at`], and does nothing else.
    pub fn listing(url: &str) -> Self {
        Self::with(url, &[(LISTS, "yes")])
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
