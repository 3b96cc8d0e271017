//! A lean HTTP client: what is measured is the server, so the client costs next to nothing.
//!
//! One connection, one request at a time, one buffer for all answers. It speaks the HTTP/1.1 that
//! our own servers answer with, and nothing else.

use std::io::{self, ErrorKind};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A kept-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    asked: Vec<u8>,
    answer: Vec<u8>,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub method: &'a str,
    /// Below `/api/v1/`.
    pub path: &'a str,
    /// Empty: nobody in particular asks.
    pub token: &'a str,
    /// Whole lines, each ending in CR LF.
    pub headers: &'a str,
    /// JSON; empty: none.
    pub body: &'a str,
}

/// What came back.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    head: &'a str,
    pub body: &'a [u8],
}

impl Connection {
    /// `address` is a host and a port.
    pub async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, asked: Vec::with_capacity(1024), answer: Vec::with_capacity(4096) })
    }

    pub async fn ask(&mut self, ask: Ask<'_>) -> io::Result<Answer<'_>> {
        use std::io::Write;
        let Ask { method, path, token, headers, body } = ask;
        self.asked.clear();
        write!(self.asked, "{method} /api/v1/{path} HTTP/1.1\r\nhost: bench\r\n")?;
        if !token.is_empty() {
            write!(self.asked, "authorization: Bearer {token}\r\n")?;
        }
        self.asked.extend_from_slice(headers.as_bytes());
        if !body.is_empty() {
            let length = body.len();
            write!(self.asked, "content-type: application/json\r\ncontent-length: {length}\r\n")?;
        }
        self.asked.extend_from_slice(b"\r\n");
        self.asked.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.asked).await?;
        self.answer.clear();
        let (head, length) = self.received().await?;
        let text = std::str::from_utf8(&self.answer[..head]).map_err(not_http)?;
        let status = text.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| not_http("no status"))?;
        Ok(Answer { status, head: text, body: &self.answer[head..head + length] })
    }

    /// Reads one whole answer; how long its head is, and its body.
    async fn received(&mut self) -> io::Result<(usize, usize)> {
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let end = self.answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            let Some(head) = end.map(|end| end + 4) else { continue };
            let text = std::str::from_utf8(&self.answer[..head]).map_err(not_http)?;
            let length = header(text, "content-length").map_or(Ok(0), str::parse);
            let length: usize = length.map_err(not_http)?;
            while self.answer.len() < head + length {
                if self.stream.read_buf(&mut self.answer).await? == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
            return Ok((head, length));
        }
    }
}

impl Answer<'_> {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// A number in a header, such as a position.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.header(name)?.parse().ok()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }

    /// Anything but a success is an error that says what was answered.
    pub fn accepted(self) -> anyhow::Result<Self> {
        let text = String::from_utf8_lossy(self.body);
        anyhow::ensure!(self.is_success(), "the system answered {}: {text}", self.status);
        Ok(self)
    }
}

/// Our servers write header names in lower case.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn not_http(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
