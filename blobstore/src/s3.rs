//! Content in a bucket of an S3-compatible store: `<prefix>/ab12...`, each complete, since S3 takes
//! an object whole or not at all.

use std::error::Error;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use domain::file::Sha256;
use futures::{StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyDataStream, BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, RANGE};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use tokio_util::bytes::Bytes;
use tokio_util::io::ReaderStream;

use crate::{BlobError, Content, Provider, Received};

const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Until an answer begins, and between two pieces of one.
const READ_MAX: Duration = Duration::from_secs(10);
/// Until content has been sent and taken.
const PUT_MAX: Duration = Duration::from_secs(120);
const ATTEMPTS_MAX: u32 = 3;
/// Before the second attempt; twice that before the third.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a signed request is good.
const SIGNED_FOR: Duration = Duration::from_secs(300);

/// Where the bucket is, and who we are there.
#[derive(Clone)]
pub struct S3Settings {
    pub bucket: String,
    /// Before the names of all objects; may be empty.
    pub prefix: String,
    /// The address of the store; none: Amazon's of the region.
    pub endpoint: Option<String>,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    #[error("`{0}` is no address of a store: http(s)://host[:port]")]
    Endpoint(String),
    #[error("this machine's certificates cannot be read: {0}")]
    Certificates(io::Error),
    #[error("a request cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("it cannot be asked: {}", root(.0))]
    Unreachable(#[from] hyper_util::client::legacy::Error),
    #[error("it answered {0}")]
    Refused(StatusCode),
    #[error("it did not answer in time")]
    Silent,
    #[error("its answer broke off: {0}")]
    Broken(#[from] hyper::Error),
}

/// The last cause says what is wrong, such as a refused connection.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

pub struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
    http: Client<HttpsConnector<HttpConnector>, Body>,
}

impl S3 {
    pub fn new(settings: S3Settings) -> Result<Self, S3Error> {
        let S3Settings { bucket, prefix, endpoint, region, access_key, secret_key } = settings;
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let url = endpoint.parse().map_err(|_| S3Error::Endpoint(endpoint.clone()))?;
        // The path says which bucket: other stores than Amazon's have no name for each.
        let bucket = Bucket::new(url, UrlStyle::Path, bucket, region)
            .map_err(|_| S3Error::Endpoint(endpoint))?;
        Ok(Self {
            bucket,
            credentials: Credentials::new(access_key, secret_key),
            prefix,
            http: client()?,
        })
    }

    fn object(&self, hash: &Sha256) -> String {
        match self.prefix.trim_matches('/') {
            "" => hash.to_string(),
            prefix => format!("{prefix}/{hash}"),
        }
    }

    async fn sent(&self, request: Request<Body>) -> Result<Response<Incoming>, S3Error> {
        let limit = if request.method() == Method::PUT { PUT_MAX } else { READ_MAX };
        let answer = tokio::time::timeout(limit, self.http.request(request)).await;
        Ok(answer.map_err(|_| S3Error::Silent)??)
    }

    async fn head(&self, hash: &Sha256) -> Result<Option<u64>, S3Error> {
        let object = self.object(hash);
        let url = self.bucket.head_object(Some(&self.credentials), &object).sign(SIGNED_FOR);
        let answer = self.sent(asking(Method::HEAD, url.as_str()).body(nothing())?).await?;
        let length = answer.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        match answer.status() {
            StatusCode::OK => Ok(Some(length.unwrap_or_default())),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(S3Error::Refused(status)),
        }
    }

    async fn put(&self, hash: &Sha256, path: &Path, size: u64) -> Result<(), BlobError> {
        let object = self.object(hash);
        let url = self.bucket.put_object(Some(&self.credentials), &object).sign(SIGNED_FOR);
        let content = ReaderStream::new(tokio::fs::File::open(path).await?).map_ok(Frame::data);
        let request = asking(Method::PUT, url.as_str()).header(CONTENT_LENGTH, size);
        let request = request.body(StreamBody::new(content).boxed_unsync());
        let answer = self.sent(request.map_err(S3Error::from)?).await?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(S3Error::Refused(status).into()),
        }
    }
}

#[async_trait]
impl Provider for S3 {
    async fn keep(&self, received: &mut Received) -> Result<(), BlobError> {
        let (hash, path, size) = (&received.sha256, &received.path, received.size);
        let mut attempt = 1;
        loop {
            let kept = match self.head(hash).await {
                Ok(Some(_)) => Ok(()),
                Ok(None) => self.put(hash, path, size).await,
                Err(error) => Err(error.into()),
            };
            match kept {
                Err(error) if attempt < ATTEMPTS_MAX && may_pass(&error) => {
                    tracing::warn!(%error, "content is sent to the bucket again: {error}");
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                settled => return settled,
            }
        }
    }

    async fn open(&self, hash: &Sha256, bytes: Range<u64>) -> Result<Option<Content>, BlobError> {
        if bytes.is_empty() {
            return Ok(self.size(hash).await?.map(|_| futures::stream::empty().boxed()));
        }
        let object = self.object(hash);
        let url = self.bucket.get_object(Some(&self.credentials), &object).sign(SIGNED_FOR);
        let request = asking(Method::GET, url.as_str())
            .header(RANGE, format!("bytes={}-{}", bytes.start, bytes.end - 1))
            .body(nothing());
        let answer = self.sent(request.map_err(S3Error::from)?).await?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => Ok(Some(arriving(answer.into_body()))),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(S3Error::Refused(status).into()),
        }
    }

    async fn size(&self, hash: &Sha256) -> Result<Option<u64>, BlobError> {
        Ok(self.head(hash).await?)
    }
}

fn client() -> Result<Client<HttpsConnector<HttpConnector>, Body>, S3Error> {
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring has the versions of TLS that are safe")
        .with_native_roots()
        .map_err(S3Error::Certificates)?
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT_MAX));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

fn asking(method: Method, url: &str) -> Builder {
    Request::builder().method(method).uri(url)
}

fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// The pieces of an answer, none of which may be long in coming.
fn arriving(body: Incoming) -> Content {
    let next = |mut pieces: BodyDataStream<Incoming>| async {
        let piece = tokio::time::timeout(READ_MAX, pieces.try_next()).await;
        let piece = piece.map_err(|_| S3Error::Silent)?.map_err(S3Error::from)?;
        Ok(piece.map(|bytes| (bytes, pieces)))
    };
    futures::stream::try_unfold(body.into_data_stream(), next).boxed()
}

/// Whether the store may take it the next time.
fn may_pass(error: &BlobError) -> bool {
    match error {
        BlobError::S3(S3Error::Refused(status)) => {
            status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
        }
        BlobError::S3(S3Error::Unreachable(_) | S3Error::Silent | S3Error::Broken(_)) => true,
        _ => false,
    }
}
