//! Just enough of Postgres's protocol to create a database: one statement, no result.
//!
//! A private socket needs no password, so the conversation is a start-up message and a simple
//! query. Everything else talks to Postgres through sqlx.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::error::{Doing, Error};

const PROTOCOL_3_0: u32 = 196_608;
const MESSAGE_BYTES_MAX: usize = 1 << 20;
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);

/// Runs one statement as the user `postgres` in `database`.
pub(crate) fn execute(socket: &Path, database: &str, statement: &str) -> Result<(), Error> {
    let what = || format!("ask PostgreSQL at {}", socket.display());
    let mut server = UnixStream::connect(socket).doing(what)?;
    server.set_read_timeout(Some(ANSWER_WAIT_MAX)).doing(what)?;
    let parameters = format!("user\0postgres\0database\0{database}\0\0");
    send(&mut server, None, &[&PROTOCOL_3_0.to_be_bytes(), parameters.as_bytes()]).doing(what)?;
    let refused = |message| Error::Sql { statement: statement.to_owned(), message };
    until_ready(&mut server).doing(what)?.map_err(refused)?;
    send(&mut server, Some(b'Q'), &[statement.as_bytes(), b"\0"]).doing(what)?;
    until_ready(&mut server).doing(what)?.map_err(refused)
}

fn send(server: &mut UnixStream, kind: Option<u8>, parts: &[&[u8]]) -> io::Result<()> {
    let length = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
    let length = u32::try_from(length).map_err(io::Error::other)?;
    let mut message: Vec<u8> = kind.into_iter().chain(length.to_be_bytes()).collect();
    for part in parts {
        message.extend_from_slice(part);
    }
    server.write_all(&message)
}

/// Reads up to `ReadyForQuery`; the inner error is what Postgres said against the statement.
fn until_ready(server: &mut UnixStream) -> io::Result<Result<(), String>> {
    let mut outcome = Ok(());
    loop {
        let mut head = [0; 5];
        if let Err(error) = server.read_exact(&mut head) {
            // A fatal error (such as a missing database) closes the connection after its message.
            return if outcome.is_err() { Ok(outcome) } else { Err(error) };
        }
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if !(4..MESSAGE_BYTES_MAX).contains(&length) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length - 4];
        server.read_exact(&mut body)?;
        match kind {
            b'Z' => return Ok(outcome),
            b'E' => outcome = Err(error_message(&body)),
            _ => {}
        }
    }
}

/// The fields of an error come as a letter, a text and a zero byte each.
fn error_message(body: &[u8]) -> String {
    let field = |letter| {
        let mut fields = body.split(|byte| *byte == 0);
        let text = fields.find(|field| field.first() == Some(&letter))?;
        Some(String::from_utf8_lossy(&text[1..]).into_owned())
    };
    format!("{} (SQLSTATE {})", field(b'M').unwrap_or_default(), field(b'C').unwrap_or_default())
}
