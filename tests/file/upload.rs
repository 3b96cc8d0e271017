//! What is sent and what comes back, byte for byte.

use std::path::Path;
use std::time::Instant;

use reqwest::header::HeaderMap;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::system::{Ask, WAIT_MAX};

pub const PNG: &str = "image/png";

/// As much of a picture as anybody looks at; no two tests send the same.
pub fn png(number: u8) -> Vec<u8> {
    [&b"\x89PNG\r\n\x1a\n"[..], &[number; 16]].concat()
}

pub fn hash(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

/// What is said of a file.
pub struct Head {
    pub status: u16,
    pub headers: HeaderMap,
}

impl Head {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A file as it is sent.
pub async fn content(ask: Ask) -> (Head, Vec<u8>) {
    let answer = ask.open().await;
    let head = Head { status: answer.status().as_u16(), headers: answer.headers().clone() };
    (head, answer.bytes().await.unwrap().to_vec())
}

/// An upload whose line is cut after `body`, though it had promised so many bytes more; returns once
/// the other side has let go of it.
pub async fn raw_upload(base: &str, path: &str, token: &str, body: &[u8], more: usize) {
    let address = base.strip_prefix("http://").unwrap();
    let mut line = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: {PNG}\r\nContent-Length: {}\r\n\r\n",
        body.len() + more
    );
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(body).await.unwrap();
    line.shutdown().await.unwrap();
    let mut said = String::new();
    line.read_to_string(&mut said).await.unwrap();
    assert!(!said.starts_with("HTTP/1.1 2"), "{said}");
}

/// How many files there are below a folder.
pub fn files_in(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let entries = entries.map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_in(&path) } else { 1 }).sum()
}

pub async fn until(holds: impl Fn() -> bool, what: &str) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < WAIT_MAX, "not so: {what}");
        tokio::task::yield_now().await;
    }
}
