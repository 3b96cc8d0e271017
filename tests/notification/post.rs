//! A real mail server, whose letters tests read.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use local_services::{Signal, spawn_bound_to_us, testing};
use serde_json::Value;

use crate::system::{Program, System, WAIT_MAX};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notification");

/// A mail server, and a Daybook that writes by it.
pub struct Post {
    pub url: String,
    program: Program,
    letters: Arc<Mutex<Vec<Value>>>,
    _server: Child,
}

impl Post {
    /// The one that all tests share. None, said aloud, where the server cannot be had; a failure
    /// where `CI` is set.
    pub async fn office() -> Option<(&'static Self, System)> {
        static OFFICE: OnceLock<Result<Post, String>> = OnceLock::new();
        let open = || OFFICE.get_or_init(|| Self::open("post", &[])).as_ref();
        let office = tokio::task::spawn_blocking(open).await;
        match office.unwrap() {
            Ok(office) => Some((office, office.system().await)),
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "no mail server: {why}");
                eprintln!("SKIPPED what needs a mail server: {why}");
                None
            }
        }
    }

    pub async fn system(&self) -> System {
        System::of(&self.program).await
    }

    /// One of this name, with more settings.
    pub fn open(name: &str, more: &[(&str, &str)]) -> Result<Self, String> {
        let lock = Path::new(FOLDER).join("requirements.lock");
        let packages = testing::python_packages("mail-packages", &lock)?;
        let mut command = Command::new("python3");
        command.arg(format!("{FOLDER}/server.py")).env("PYTHONPATH", packages);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut server = spawn_bound_to_us(command, Signal::Kill).map_err(|e| e.to_string())?;
        let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
        let port = said.next().ok_or("it ended at once")?.map_err(|error| error.to_string())?;
        let letters = Arc::<Mutex<Vec<Value>>>::default();
        let heard = letters.clone();
        std::thread::spawn(move || {
            for line in said.map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        let url = format!("smtp://127.0.0.1:{port}");
        let from = ("DAYBOOK_MAIL_FROM", "Daybook <no-reply@daybook.example>");
        let settings = [&[("DAYBOOK_SMTP_URL", &*url), from], more].concat();
        let program = Program::up_with(name, &["--ephemeral"], &settings);
        Ok(Self { url, program, letters, _server: server })
    }

    /// The letters to somebody, once there are so many.
    pub async fn letters(&self, to: &str, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let letters: Vec<Value> = {
                let all = self.letters.lock().unwrap();
                all.iter().filter(|letter| letter["to"] == to).cloned().collect()
            };
            if letters.len() >= count {
                return letters;
            }
            assert!(begun.elapsed() < WAIT_MAX, "{to} got {letters:?}");
            tokio::task::yield_now().await;
        }
    }
}
