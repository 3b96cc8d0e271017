//! From the event that somebody registered to the letter that welcomes them, at a mail server of
//! ours that takes everything.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{Stage, within};
use crate::Report;

const LETTER_P99_MS: f64 = 5_000.0;
const LETTERS_MAX: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// When a letter to an address was taken.
type Letters = Arc<Mutex<HashMap<String, DateTime<Utc>>>>;

pub struct Office {
    pub url: String,
    letters: Letters,
}

impl Office {
    pub async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("smtp://{}", listener.local_addr()?);
        let letters = Letters::default();
        let taken = letters.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, taken.clone()));
            }
        });
        Ok(Self { url, letters })
    }

    fn taken(&self, address: &str) -> Option<DateTime<Utc>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).get(address).copied()
    }
}

/// As much of SMTP as a client that needs no extension speaks.
async fn take(stream: TcpStream, letters: Letters) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut to = Vec::new();
    write.write_all(b"220 bench\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let reply: &[u8] = match line.get(..4).unwrap_or_default().to_uppercase().as_str() {
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                to.push(address.to_owned());
                b"250 ok\r\n"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                while lines.next_line().await?.is_some_and(|line| line != ".") {}
                let mut letters = letters.lock().unwrap_or_else(PoisonError::into_inner);
                letters.extend(to.drain(..).map(|address| (address, Utc::now())));
                b"250 taken\r\n"
            }
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            _ => b"250 ok\r\n",
        };
        write.write_all(reply).await?;
    }
    Ok(())
}

pub async fn measure(stage: &Stage<'_>, office: &Office) -> anyhow::Result<Report> {
    stage.system.at_rest().await?;
    let mut rounds = Vec::new();
    for _ in 0..stage.options.rounds {
        let (begun, mut registered) = (Instant::now(), Vec::new());
        while registered.is_empty() || begun.elapsed() < stage.options.round {
            registered.push(stage.system.site.registered().await?);
        }
        rounds.push(letters(stage, office, &registered).await?);
    }
    let mut report = stage.report_of("mail, one registration after the other".to_owned(), rounds);
    report.goals = vec![within("p99, ms", LETTER_P99_MS, &report)];
    report.notes.push("from the time on the event to the end of the letter that welcomes".into());
    Ok(report)
}

/// How many milliseconds after the event at its position each address had its letter.
async fn letters(
    stage: &Stage<'_>,
    office: &Office,
    registered: &[(String, i64)],
) -> anyhow::Result<Vec<f64>> {
    let positions: Vec<i64> = registered.iter().map(|(_, position)| *position).collect();
    let recorded = stage.system.recorded_at(&positions).await?;
    let (begun, mut took) = (Instant::now(), Vec::new());
    for (address, position) in registered {
        let taken = loop {
            match office.taken(address) {
                Some(taken) => break taken,
                None => ensure!(begun.elapsed() < LETTERS_MAX, "no letter came to {address}"),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        let recorded = recorded.get(position).context("an event without a time")?;
        took.push((taken - *recorded).as_seconds_f64() * 1000.0);
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_letter_is_taken_for_everybody_it_is_to() -> anyhow::Result<()> {
        let office = Office::open().await?;
        let address = office.url.strip_prefix("smtp://").context("no address")?;
        let mut client = TcpStream::connect(address).await?;
        let said = "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<ada@example.org>\r\n\
                    RCPT TO:<bob@example.org>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n";
        client.write_all(said.as_bytes()).await?;
        let mut heard = String::new();
        client.read_to_string(&mut heard).await?;
        assert!(heard.contains("250 taken") && heard.ends_with("221 bye\r\n"), "{heard}");
        assert!(["ada@example.org", "bob@example.org"].iter().all(|to| office.taken(to).is_some()));
        assert!(office.taken("nobody@example.org").is_none());
        Ok(())
    }
}
