//! Processes of their own: this test program again, told by its environment what to do.
//!
//! They start together: each says when it is ready, and begins when its input ends. What they
//! report comes back as lines of JSON.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DEADLINE, answers, hot_stream, positions};

const ROLE: &str = "DAYBOOK_TEST_RACE_ROLE";
const URL: &str = "DAYBOOK_TEST_RACE_URL";
const NUMBER: &str = "DAYBOOK_TEST_RACE_NUMBER";
const SEED: &str = "DAYBOOK_TEST_RACE_SEED";
/// Tells our lines from those of the test harness.
const MARK: &str = "> ";
const READY: &str = "> ready";

/// Does nothing unless a test below has started this program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_its_own_does_as_it_is_told() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse().unwrap();
    let task =
        Task { url: std::env::var(URL).unwrap(), number: number(NUMBER), seed: number(SEED) };
    match role.as_str() {
        positions::WRITER => positions::write(task).await,
        positions::READER => positions::read(task).await,
        hot_stream::COMMITTERS => hot_stream::commit(task).await,
        answers::CLIENTS => answers::ask(task).await,
        other => panic!("nobody knows how to be {other}"),
    }
}

/// What a child is told.
pub struct Task {
    pub url: String,
    /// Which of its kind it is.
    pub number: u64,
    pub seed: u64,
}

impl Task {
    /// Returns once all the others are ready too.
    pub async fn ready(&self) {
        println!("\n{READY}");
        let everybody = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut vec![]));
        everybody.await.unwrap().unwrap();
    }

    pub fn report(&self, report: &impl Serialize) {
        println!("\n{MARK}{}", serde_json::to_string(report).unwrap());
    }
}

/// Killed when dropped, as by `kill -9`.
pub struct Process {
    child: Child,
    output: Option<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts one and waits until it is ready.
    pub fn start(role: &str, url: &str, number: u64, seed: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "children::a_process_of_its_own_does_as_it_is_told"]);
        command.args(["--nocapture", "--test-threads", "1"]);
        command.env(ROLE, role).env(URL, url);
        command.env(NUMBER, number.to_string()).env(SEED, seed.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            local_services::spawn_bound_to_us(command, local_services::Signal::Kill).unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim_end() != READY {
            line.clear();
            assert!(
                output.read_line(&mut line).unwrap() > 0,
                "{role} {number} ended before it began"
            );
        }
        Self { child, output: Some(output) }
    }

    pub fn go(&mut self) {
        self.child.stdin.take();
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it reports until it ends, which it must do well and in time.
    pub async fn reports<T: DeserializeOwned + Send + 'static>(mut self) -> Vec<T> {
        let output = self.output.take().unwrap();
        let reading = tokio::task::spawn_blocking(move || {
            let lines = output.lines().map(Result::unwrap);
            let ours = lines.filter_map(|line| line.strip_prefix(MARK).map(str::to_owned));
            ours.map(|line| serde_json::from_str(&line).unwrap()).collect()
        });
        let reports = tokio::time::timeout(DEADLINE, reading).await;
        let reports = reports.expect("the process hangs").unwrap();
        assert!(self.child.wait().unwrap().success(), "a process failed; see its words above");
        reports
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts some processes of one kind, lets them go together and collects what they report.
pub async fn race<T: DeserializeOwned + Send + 'static>(
    role: &'static str,
    url: &str,
    processes: u64,
    seed: u64,
) -> Vec<T> {
    let url = url.to_owned();
    let starting = tokio::task::spawn_blocking(move || {
        (0..processes).map(|number| Process::start(role, &url, number, seed)).collect::<Vec<_>>()
    });
    let mut processes = starting.await.unwrap();
    processes.iter_mut().for_each(Process::go);
    let reports = futures::future::join_all(processes.into_iter().map(Process::reports)).await;
    reports.into_iter().flatten().collect()
}
