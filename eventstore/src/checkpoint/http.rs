//! A receiver on another machine, with TLS where its address says so.

use std::error::Error;
use std::io;
use std::time::Duration;

use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::crypto::ring;
use tokio_util::bytes::Bytes;

const WAIT_MAX: Duration = Duration::from_secs(10);

/// Why a receiver does not have it. Perhaps it has: it may get the same thing twice.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("this machine's certificates cannot be read: {0}")]
    Certificates(io::Error),
    #[error("its address cannot be used: {0}")]
    Address(hyper::http::Error),
    #[error("it cannot be asked: {}", root(.0))]
    Unreachable(hyper_util::client::legacy::Error),
    #[error("it answered {0}")]
    Refused(StatusCode),
    #[error("it did not answer within {WAIT_MAX:?}")]
    Silent,
}

/// The last cause says what is wrong, such as a certificate of nobody we know.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

/// Sends JSON; done once the receiver answers that it was.
pub(super) async fn post(url: &str, json: Vec<u8>) -> Result<(), HttpError> {
    let config = if url.starts_with("https://") {
        builder().with_native_roots().map_err(HttpError::Certificates)?.with_no_client_auth()
    } else {
        // Nobody is believed, and nobody asked.
        builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    };
    post_with(config, url, json).await
}

async fn post_with(config: ClientConfig, url: &str, json: Vec<u8>) -> Result<(), HttpError> {
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(json)))
        .map_err(HttpError::Address)?;
    let answer = tokio::time::timeout(WAIT_MAX, client.request(request)).await;
    let answer = answer.map_err(|_| HttpError::Silent)?.map_err(HttpError::Unreachable)?;
    if answer.status().is_success() { Ok(()) } else { Err(HttpError::Refused(answer.status())) }
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring has the versions of TLS that are safe")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use rustls::pki_types::PrivateKeyDer;
    use rustls::{RootCertStore, ServerConfig};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A receiver that takes one thing; its address, and the certificates that vouch for it.
    async fn receiver() -> (String, RootCertStore) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            // Whoever does not trust us goes away.
            let Ok(mut socket) = TlsAcceptor::from(Arc::new(config)).accept(socket).await else {
                return;
            };
            let mut request = String::new();
            while !request.ends_with("{}") {
                let mut buffer = [0; 4096];
                let read = socket.read(&mut buffer).await.unwrap();
                request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
            assert!(request.starts_with("POST /checkpoints HTTP/1.1\r\n"), "{request}");
            socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        });
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        (format!("https://localhost:{port}/checkpoints"), roots)
    }

    #[tokio::test]
    async fn a_receiver_with_a_certificate_gets_it_over_tls() {
        let (url, roots) = receiver().await;
        let config = builder().with_root_certificates(roots).with_no_client_auth();
        post_with(config, &url, b"{}".to_vec()).await.unwrap();
    }

    #[tokio::test]
    async fn a_receiver_that_nobody_vouches_for_gets_nothing() {
        let (url, _) = receiver().await;
        let error = post(&url, b"{}".to_vec()).await.unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
    }
}
