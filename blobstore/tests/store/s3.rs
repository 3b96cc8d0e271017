//! A real S3 server, whose bucket is empty.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use blobstore::{Blobs, S3Settings};
use http_body_util::Empty;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use local_services::{Signal, spawn_bound_to_us, testing};
use tokio_util::bytes::Bytes;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/s3");
const BUCKET: &str = "files";
/// Which service an unsigned request is for, as the server tells by it.
const SCOPE: &str = "AWS4-HMAC-SHA256 Credential=us/20260101/us-east-1/s3/aws4_request, \
                     SignedHeaders=host, Signature=none";

pub struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    /// None, said aloud, where it cannot be had; a failure where `CI` is set.
    pub fn start() -> Option<Self> {
        match Self::run() {
            Ok(server) => Some(server),
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "no S3 server: {why}");
                eprintln!("SKIPPED what needs an S3 server: {why}");
                None
            }
        }
    }

    fn run() -> Result<Self, String> {
        let lock = Path::new(FOLDER).join("requirements.lock");
        let packages = testing::python_packages("s3-packages", &lock)?;
        let mut command = Command::new("python3");
        command.arg(format!("{FOLDER}/server.py")).env("PYTHONPATH", packages);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = spawn_bound_to_us(command, Signal::Kill).map_err(|e| e.to_string())?;
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = said.next().ok_or("it ended at once")?.map_err(|error| error.to_string())?;
        Ok(Self { child, endpoint: format!("http://127.0.0.1:{port}") })
    }

    /// A store in a bucket that is there.
    pub async fn blobs(&self, prefix: &str) -> Blobs {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::put(format!("{}/{BUCKET}", self.endpoint));
        let request = request.header("authorization", SCOPE).body(Empty::<Bytes>::new());
        let answer = client.request(request.unwrap()).await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        self.store(BUCKET, prefix)
    }

    pub fn blobs_in(&self, bucket: &str) -> Blobs {
        self.store(bucket, "")
    }

    fn store(&self, bucket: &str, prefix: &str) -> Blobs {
        Blobs::s3(S3Settings {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: Some(self.endpoint.clone()),
            region: "us-east-1".to_owned(),
            access_key: "us".to_owned(),
            secret_key: "nothing secret".to_owned(),
        })
        .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
