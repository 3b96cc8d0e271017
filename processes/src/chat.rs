//! A language model behind the chat API that OpenAI began and Ollama, llama.cpp, vLLM and others
//! speak: `POST /chat/completions` with `stream`. `docs/PROVIDERS.md` is the contract.

use std::time::{Duration, Instant};

use domain::Reference;
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::outgoing::{Address, AddressError, Call, CallError, Client, Events, Limits, Patience};

/// A model thinks before it speaks, and speaks for a while.
const WHOLE_MAX: Duration = Duration::from_secs(60);
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(3),
    read: WHOLE_MAX,
    write: Duration::from_secs(3),
    whole: WHOLE_MAX,
    // Only streams are read, which have their own.
    answer_bytes: 0,
    connections_kept: 0,
};
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A reason to end that leaves the answer without its rest.
const WITHHELD: &str = "content_filter";

#[derive(Debug)]
pub struct ChatModel {
    client: Client,
    name: Reference,
    silence_max: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum ChatModelError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the name of the model: {0}")]
    Name(#[from] domain::TextError),
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Message {
    pub(crate) role: &'static str,
    pub(crate) content: String,
}

impl ChatModel {
    /// The address is what comes before `/chat/completions`.
    pub fn new(address: Address, name: &str, key: Option<&str>) -> Result<Self, ChatModelError> {
        let client = Client::new("assistant", address, key, LIMITS)?;
        Ok(Self { client, name: name.parse()?, silence_max: SILENCE_MAX })
    }

    /// With less patience.
    #[cfg(test)]
    pub(crate) fn with_silence_max(self, silence_max: Duration) -> Self {
        Self { silence_max, ..self }
    }

    pub(crate) const fn name(&self) -> &Reference {
        &self.name
    }

    /// Of whoever has no reason to be in more of a hurry.
    pub(crate) fn patience(&self) -> Patience {
        Patience { deadline: Instant::now() + WHOLE_MAX, silence_max: self.silence_max }
    }

    /// Begins an answer of so many tokens at most. Whoever asks again under the same key asks the same.
    pub(crate) async fn ask(
        &self,
        key: &str,
        messages: &[Message],
        tokens_max: u32,
        patience: Patience,
    ) -> Result<Saying<'_>, CallError> {
        let json = json!({
            "model": self.name.as_str(), "messages": messages, "stream": true,
            "temperature": 0.2, "max_tokens": tokens_max,
        });
        let call = Call {
            method: Method::POST,
            path: "/chat/completions",
            key: Some(key),
            json: Some(json),
        };
        let events = self.client.events(call, patience).await?;
        Ok(Saying { events, has_ended: false })
    }
}

/// An answer that is being given.
pub(crate) struct Saying<'a> {
    events: Events<'a>,
    /// Whether the model came to an end, which is not that of its stream: a server that leaves an
    /// answer for another one sends `[DONE]` too.
    has_ended: bool,
}

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

impl Saying<'_> {
    /// The next piece of it; none at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, CallError> {
        while let Some(data) = self.events.next().await? {
            let Ok(Chunk { choices }) = serde_json::from_str(&data) else {
                let why = "it sent something else than a chunk of an answer";
                return Err(self.events.broke_off(why));
            };
            let Some(Choice { delta, finish_reason }) = choices.into_iter().next() else {
                continue;
            };
            self.has_ended |= finish_reason.is_some_and(|reason| reason != WITHHELD);
            if let Some(content) = delta.content.filter(|content| !content.is_empty()) {
                self.events.heard();
                return Ok(Some(content));
            }
        }
        match self.has_ended {
            true => {
                self.events.succeeded();
                Ok(None)
            }
            false => Err(self.events.broke_off("it does not say why it ends")),
        }
    }

    /// It need not go on.
    pub(crate) fn enough(self) {
        self.events.succeeded();
    }
}
