//! One server of somebody else's, spoken to in JSON.

use std::error::Error;
use std::io;
use std::str::FromStr;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Http, Error as HttpError};
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::crypto::ring;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::breaker::Breaker;
use super::{LIMITS, Limits};

/// Where a server of somebody else's takes calls: `https://pay.example.org/payments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    #[error("it must be an http or https address without a query, such as https://example.org/pay")]
    Address,
    #[error("the token has characters that no header can have")]
    Token,
    #[error("this machine's certificates cannot be read: {0}")]
    Certificates(io::Error),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.parse().map_err(|_| AddressError::Address)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if !known || uri.host().is_none() || uri.query().is_some() {
            return Err(AddressError::Address);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl Address {
    /// Whether anybody is there; says nothing to them.
    pub async fn is_reachable(&self) -> Result<(), io::Error> {
        let uri: Uri = self.0.parse().map_err(io::Error::other)?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if self.is_secure() { 443 } else { 80 });
        timeout(LIMITS.connect, TcpStream::connect((host, port))).await??;
        Ok(())
    }

    fn is_secure(&self) -> bool {
        self.0.starts_with("https")
    }
}

/// Why there is no answer. The other side may have done what it was asked for all the same.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("{0} failed too often and is not called for a while")]
    Open(&'static str),
    #[error("the call cannot be written: {0}")]
    Request(hyper::http::Error),
    #[error("it cannot be asked: {}", root(.0))]
    Unreachable(HttpError),
    #[error("its answer broke off: {0}")]
    BrokeOff(String),
    #[error("it did not answer in time")]
    Silent,
    #[error("it answered {0}")]
    Failed(StatusCode),
}

/// The server is at fault, or wants to be asked again later.
fn may_pass(status: StatusCode) -> bool {
    let overwhelmed = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_server_error() || overwhelmed.contains(&status)
}

impl CallError {
    /// Asking again soon may have another answer.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Open(_) | Self::Request(_) => false,
            Self::Failed(status) => may_pass(*status),
            Self::Unreachable(_) | Self::BrokeOff(_) | Self::Silent => true,
        }
    }
}

/// The last cause says what is wrong, such as a certificate of nobody we know.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

/// What is asked for. Whoever asks again under the same key asks for the same thing.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Below the server's address.
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) json: Option<Value>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Bytes,
}

impl Answer {
    /// The body, if it is this.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Calls one server. While its breaker is open, it does not.
#[derive(Debug)]
pub(crate) struct Client {
    address: Address,
    authorization: Option<HeaderValue>,
    limits: Limits,
    breaker: Breaker,
    http: Http<TimeoutConnector<HttpsConnector<HttpConnector>>, Full<Bytes>>,
}

impl Client {
    /// `name` is what it is for, in metrics and messages.
    pub(crate) fn new(
        name: &'static str,
        address: Address,
        token: Option<&str>,
        limits: Limits,
    ) -> Result<Self, AddressError> {
        let authorization = token.map(|token| HeaderValue::try_from(format!("Bearer {token}")));
        let mut authorization = authorization.transpose().map_err(|_| AddressError::Token)?;
        authorization.iter_mut().for_each(|value| value.set_sensitive(true));
        let config = tls(&address).map_err(AddressError::Certificates)?;
        let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
        let mut connector = TimeoutConnector::new(builder.enable_http1().build());
        connector.set_connect_timeout(Some(limits.connect));
        connector.set_read_timeout(Some(limits.read));
        connector.set_write_timeout(Some(limits.write));
        let mut http = Http::builder(TokioExecutor::new());
        let http = http.pool_max_idle_per_host(limits.connections_kept).build(connector);
        Ok(Self { address, authorization, limits, breaker: Breaker::new(name), http })
    }

    /// Whether a call would be made now, and not refused at once.
    pub(crate) fn is_callable(&self) -> bool {
        self.breaker.lets_through(Instant::now())
    }

    /// How long calls are refused from now on.
    pub(crate) fn keeps_back_for(&self) -> Duration {
        self.breaker.keeps_back_for(Instant::now())
    }

    /// The answer of a server in its right mind: errors of its own are failures.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let request = self.request(call).map_err(CallError::Request)?;
        self.admit()?;
        let answer = timeout(self.limits.whole, self.exchange(request)).await;
        let answer = answer.unwrap_or(Err(CallError::Silent));
        match &answer {
            Ok(_) => self.succeeded(),
            Err(_) => self.failed(),
        }
        answer
    }

    /// Every call that is let through ends with [`Self::succeeded`] or [`Self::failed`], unless its
    /// caller is dropped, as at shutdown.
    pub(super) fn admit(&self) -> Result<(), CallError> {
        match self.breaker.admit(Instant::now()) {
            true => Ok(()),
            false => Err(CallError::Open(self.breaker.name())),
        }
    }

    pub(super) fn succeeded(&self) {
        self.breaker.succeeded();
    }

    pub(super) fn failed(&self) {
        self.breaker.failed(Instant::now());
    }

    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, CallError> {
        self.http.request(request).await.map_err(CallError::Unreachable)
    }

    pub(super) fn request(
        &self,
        call: Call<'_>,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let uri = format!("{}{}", self.address.0, call.path);
        let mut request = Request::builder().method(call.method).uri(uri);
        if let Some(key) = call.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match call.json {
            Some(json) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(Bytes::from(json.to_string()))),
            None => request.body(Full::default()),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, CallError> {
        let answer = self.send(request).await?;
        let (status, body) = (answer.status(), answer.into_body());
        let body = Limited::new(body, self.limits.answer_bytes);
        if may_pass(status) {
            return Err(CallError::Failed(status));
        }
        let body = body.collect().await;
        let body = body.map_err(|error| CallError::BrokeOff(error.to_string()))?.to_bytes();
        Ok(Answer { status, body })
    }
}

fn tls(address: &Address) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match address.is_secure() {
        true => builder.with_native_roots()?,
        // Nobody is believed, and nobody asked.
        false => builder.with_root_certificates(rustls::RootCertStore::empty()),
    };
    Ok(builder.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_or_https_and_may_end_in_a_slash() {
        for good in ["http://127.0.0.1:8080/pay", "https://pay.example.org/", "http://[::1]:80"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in ["", "pay.example.org", "ftp://example.org", "http://", "http://a.b/?c=d"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        let address = "https://pay.example.org/v1/".parse::<Address>().map(|address| address.0);
        assert_eq!(address.ok().as_deref(), Some("https://pay.example.org/v1"));
    }
}
