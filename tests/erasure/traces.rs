//! What somebody leaves behind, in every form in which it could be written, and the search for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use sqlx::PgPool;
use uuid::Uuid;

/// A file with a line for each form of each text.
pub struct Traces(PathBuf);

impl Traces {
    pub fn of(texts: &[&str]) -> Self {
        let lines: Vec<String> = texts.iter().flat_map(|text| forms(text)).collect();
        let file = std::env::temp_dir().join(format!("daybook-traces-{}", Uuid::now_v7()));
        fs::write(&file, lines.join("\n")).unwrap();
        Self(file)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// As it is, escaped as in JSON and in URLs, in hex as in dumps of bytes, in base64.
fn forms(text: &str) -> Vec<String> {
    let escaped = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => format!("\\u{:04x}", u32::from(c)),
    };
    let in_url = |byte: &u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02x}"),
    };
    let mut forms = vec![
        text.to_owned(),
        text.chars().map(escaped).collect(),
        text.as_bytes().iter().map(in_url).collect(),
        hex::encode(text),
    ];
    // Where it stands among other bytes decides which characters it becomes.
    for before in 0..3 {
        let bytes = [&vec![0; before], text.as_bytes()].concat();
        let its_own = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        for alphabet in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
            forms.push(alphabet.encode(&bytes)[its_own.clone()].to_owned());
        }
    }
    forms
}

/// The files, in or under a place, that hold any of it, in upper or lower case.
pub fn found_in(place: &Path, traces: &Traces) -> Vec<String> {
    let output = Command::new("grep")
        .args(["--recursive", "--files-with-matches", "--text", "--ignore-case", "--fixed-strings"])
        .args(["--devices=skip", "--no-messages", "--file"])
        .arg(&traces.0)
        .arg(place)
        .env("LC_ALL", "C")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    found.lines().map(str::to_owned).collect()
}

/// What a backup would hold: the whole database as `pg_dump` writes it.
pub async fn dump(pool: &PgPool) -> PathBuf {
    let file = std::env::temp_dir().join(format!("daybook-dump-{}", Uuid::now_v7()));
    let options = pool.connect_options();
    let socket = options.get_socket().unwrap();
    let server: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(pool)
        .await
        .unwrap();
    let output = Command::new(Path::new(&server).join("pg_dump"))
        .arg("--host")
        .arg(socket)
        .args(["--port", &options.get_port().to_string(), "--username", options.get_username()])
        .args(["--dbname", options.get_database().unwrap(), "--file"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}
