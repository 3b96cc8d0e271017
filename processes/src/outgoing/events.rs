//! An answer that comes bit by bit, as Server-Sent Events with `[DONE]` at the end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::client::{Call, CallError, Client};

/// Of a whole answer.
const STREAM_BYTES_MAX: usize = 4 * 1024 * 1024;
const END: &str = "[DONE]";

/// Whatever ends before its end counts as a failure, as a refused call does; whether the rest was a
/// success says who reads it.
pub(crate) struct Events<'a> {
    client: &'a Client,
    body: Incoming,
    patience: Patience,
    heard_at: Instant,
    received: usize,
    /// The beginning of a line.
    rest: Vec<u8>,
    data: VecDeque<String>,
}

/// How long somebody waits for an answer, over all attempts, and for its next piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) deadline: Instant,
    pub(crate) silence_max: Duration,
}

impl Patience {
    /// What is left of it for one who was last heard then.
    fn left(&self, heard_at: Instant) -> Duration {
        let end = self.deadline.min(heard_at + self.silence_max);
        end.saturating_duration_since(Instant::now())
    }
}

impl Client {
    /// Every answer but a 2xx is a failure.
    pub(crate) async fn events(
        &self,
        call: Call<'_>,
        patience: Patience,
    ) -> Result<Events<'_>, CallError> {
        let request = self.request(call).map_err(CallError::Request)?;
        self.admit()?;
        let heard_at = Instant::now();
        let answer = match timeout(patience.left(heard_at), self.send(request)).await {
            Ok(Ok(answer)) if answer.status().is_success() => Ok(answer),
            Ok(Ok(answer)) => Err(CallError::Failed(answer.status())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(CallError::Silent),
        };
        match answer {
            Ok(answer) => Ok(Events {
                client: self,
                body: answer.into_body(),
                patience,
                heard_at,
                received: 0,
                rest: Vec::new(),
                data: VecDeque::new(),
            }),
            Err(error) => {
                self.failed();
                Err(error)
            }
        }
    }
}

impl Events<'_> {
    /// The data of the next event; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, CallError> {
        loop {
            match self.data.pop_front() {
                Some(data) if data == END => return Ok(None),
                Some(data) => return Ok(Some(data)),
                None => self.receive().await.inspect_err(|_| self.client.failed())?,
            }
        }
    }

    /// What came was a piece of the answer, and no mere sign of life.
    pub(crate) fn heard(&mut self) {
        self.heard_at = Instant::now();
    }

    /// What came is of no use.
    pub(crate) fn broke_off(&self, why: &str) -> CallError {
        self.client.failed();
        CallError::BrokeOff(why.to_owned())
    }

    /// What came is all that is wanted.
    pub(crate) fn succeeded(&self) {
        self.client.succeeded();
    }

    async fn receive(&mut self) -> Result<(), CallError> {
        let frame = timeout(self.patience.left(self.heard_at), self.body.frame()).await;
        let broke_off = |why: &str| CallError::BrokeOff(why.to_owned());
        let frame = match frame {
            Err(_) => return Err(CallError::Silent),
            Ok(None) => return Err(broke_off("there is no end")),
            Ok(Some(Err(error))) => return Err(CallError::BrokeOff(error.to_string())),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(bytes) = frame.into_data() else { return Ok(()) };
        self.received += bytes.len();
        if self.received > STREAM_BYTES_MAX {
            return Err(broke_off("there is no end to it"));
        }
        self.rest.extend_from_slice(&bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8(line).map_err(|_| broke_off("it is no text"))?;
            self.data.extend(line.strip_prefix("data:").map(|data| data.trim().to_owned()));
        }
        Ok(())
    }
}
