//! The way to JetStream, where stream sequence = log position.
//!
//! [`relay`] publishes every event of the log to one stream, in order; [`crate::Subscription`]
//! reads it. The log stays the truth: the stream is a cache of its recent part that can be deleted
//! at any time, so nothing here is ever asked whether an event exists.

mod asyncapi;
mod backoff;
mod message;
mod relay;
mod stream;

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream;
use async_nats::jetstream::context::{
    ContextBuilder, CreateStreamError, DeleteStreamError, GetStreamError, PublishAckFuture,
    PublishError,
};
use async_nats::jetstream::stream::RawMessageError;
use async_nats::{ConnectOptions, HeaderMap, ServerAddr};
use percent_encoding::percent_decode_str;
use tokio_util::bytes::Bytes;

use crate::RecordedEvent;

pub use asyncapi::asyncapi;
pub(crate) use backoff::Backoff;
pub use message::MessageError;
pub(crate) use message::decode;
pub use relay::relay;
pub use stream::{STREAM_AGE_MAX, STREAM_BYTES_MAX, StreamStatus, stream_bytes};

/// How long one request to NATS may take, an acknowledgement included.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);
/// How long to wait between two attempts to reach a server that is away.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(2);

/// What a program chooses about its stream.
#[derive(Debug, Clone)]
pub struct BusOptions {
    /// Name of the stream. Its subjects are `<name in lower case>.events.>`, so several daybooks
    /// can share one NATS.
    pub stream: String,
    /// Copies of the stream in a cluster.
    pub replicas: usize,
    /// What the stream may take on disk; see [`stream_bytes`].
    pub stream_bytes_max: i64,
}

impl Default for BusOptions {
    fn default() -> Self {
        Self { stream: "DAYBOOK".into(), replicas: 1, stream_bytes_max: STREAM_BYTES_MAX }
    }
}

/// A connection to NATS that comes back by itself. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    client: async_nats::Client,
    context: jetstream::Context,
    options: BusOptions,
    /// `<prefix>.events.<aggregate_type>.<event_type>`
    prefix: String,
}

/// An event ready to be published.
#[derive(Debug)]
pub struct Message {
    /// Its place in the log and in the stream.
    pub position: i64,
    pub subject: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why the stream could not be used just now. None of these loses anything.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("the NATS URL cannot be used: {0}")]
    Url(std::io::Error),
    #[error("NATS cannot be connected to: {0}")]
    Connect(async_nats::ConnectError),
    #[error("NATS is not connected")]
    Disconnected,
    #[error("nats-server {0} is too old: 2.10 or newer is needed")]
    ServerTooOld(String),
    #[error("the stream could not be looked up: {0}")]
    Lookup(#[from] GetStreamError),
    #[error("the stream could not be created: {0}")]
    Create(#[from] CreateStreamError),
    #[error("the old stream could not be deleted: {0}")]
    Delete(DeleteStreamError),
    #[error("a message of the stream could not be read: {0}")]
    Read(#[from] RawMessageError),
    #[error("the server created the stream otherwise than asked: {0}")]
    CreatedOtherwise(String),
    #[error("the consumer could not be created: {0}")]
    Consumer(#[from] jetstream::stream::ConsumerError),
    #[error("the consumer could not be read: {0}")]
    Messages(#[from] jetstream::consumer::StreamError),
    #[error("an event could not be published: {0}")]
    Publish(#[from] PublishError),
    #[error("the log could not be read: {0}")]
    Log(#[from] sqlx::Error),
}

impl Bus {
    /// Connects with the defaults of the design. A server that is away is no error: the connection
    /// is made as soon as it appears.
    pub async fn connect(url: &str) -> Result<Self, BusError> {
        Self::connect_with(url, BusOptions::default()).await
    }

    pub async fn connect_with(url: &str, options: BusOptions) -> Result<Self, BusError> {
        let servers = servers(url)?;
        let client = credentials(&servers)
            .name("daybook")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .connection_timeout(REQUEST_TIME_MAX)
            .request_timeout(Some(REQUEST_TIME_MAX))
            .reconnect_delay_callback(|attempt| {
                RECONNECT_DELAY_MAX.min(Duration::from_millis(50 << attempt.min(6)))
            })
            .connect(servers)
            .await
            .map_err(BusError::Connect)?;
        let context = ContextBuilder::new().timeout(REQUEST_TIME_MAX).build(client.clone());
        let prefix = message::prefix(&options.stream);
        Ok(Self { client, context, options, prefix })
    }

    /// Whether the server can be talked to right now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The stream's name.
    pub fn stream_name(&self) -> &str {
        &self.options.stream
    }

    pub(crate) const fn context(&self) -> &jetstream::Context {
        &self.context
    }

    /// Fails where waiting for an answer would be pointless.
    pub(crate) fn check_connected(&self) -> Result<(), BusError> {
        if !self.is_connected() {
            return Err(BusError::Disconnected);
        }
        if !self.client.is_server_compatible(2, 10, 0) {
            return Err(BusError::ServerTooOld(self.client.server_info().version));
        }
        Ok(())
    }

    /// Sends one event to its place in the stream; the future resolves when it is stored there.
    ///
    /// No `Nats-Msg-Id`: a message the server takes for a repetition is acknowledged and not
    /// stored. The expected last sequence alone keeps every event to its place.
    async fn publish(&self, message: Message) -> Result<PublishAckFuture, PublishError> {
        let publish = jetstream::message::PublishMessage::build()
            .headers(message.headers)
            .payload(message.body)
            .expected_last_sequence(message.position.unsigned_abs() - 1);
        self.context.send_publish(message.subject, publish).await
    }

    /// What is published of an event.
    pub fn message(&self, event: RecordedEvent) -> Message {
        let subject = message::subject(&self.prefix, &event);
        let mut headers = message::headers(&self.prefix, &event);
        let mut body = event.payload;
        // Larger than this server takes: only its place is kept, subscribers read the log.
        if message::size(&headers) + body.len() > self.client.max_payload() {
            message::omit_body(&mut headers);
            body.clear();
        }
        Message { position: event.position, subject, headers, body: body.into() }
    }
}

/// The servers of a URL, which may be several with commas between them.
fn servers(url: &str) -> Result<Vec<ServerAddr>, BusError> {
    url.split(',').map(|server| server.trim().parse().map_err(BusError::Url)).collect()
}

/// The client does not look for credentials in the URL itself: `user:password@` or `token@`.
fn credentials(servers: &[ServerAddr]) -> ConnectOptions {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let Some((server, user)) = servers.iter().find_map(|s| Some((s, s.username()?))) else {
        return ConnectOptions::new();
    };
    match server.password() {
        Some(password) => ConnectOptions::with_user_and_password(decoded(user), decoded(password)),
        None => ConnectOptions::with_token(decoded(user)),
    }
}
