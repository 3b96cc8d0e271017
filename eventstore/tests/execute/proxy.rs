//! A proxy between the appender and Postgres that cuts the line between sending and answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use uuid::Uuid;

pub struct Proxy {
    pub folder: PathBuf,
    pub cut_next_answer: Arc<AtomicBool>,
    /// The line stays open and nothing comes over it any more.
    pub hold_next_answer: Arc<AtomicBool>,
}

pub fn start(server: PathBuf) -> Proxy {
    let folder = std::env::temp_dir().join(format!("cut-{}", Uuid::now_v7().simple()));
    std::fs::create_dir_all(&folder).unwrap();
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    let cut_next_answer = Arc::new(AtomicBool::new(false));
    let hold_next_answer = Arc::new(AtomicBool::new(false));
    let (cut, hold) = (cut_next_answer.clone(), hold_next_answer.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let upstream = UnixStream::connect(&server).await.unwrap();
            tokio::spawn(carry(client, upstream, cut.clone(), hold.clone()));
        }
    });
    Proxy { folder, cut_next_answer, hold_next_answer }
}

async fn carry(
    client: UnixStream,
    server: UnixStream,
    cut: Arc<AtomicBool>,
    hold: Arc<AtomicBool>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let forth = async { tokio::io::copy(&mut from_client, &mut to_server).await };
    let back = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if cut.swap(false, Ordering::SeqCst) {
                return;
            }
            if hold.swap(false, Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { _ = forth => {}, () = back => {} }
}
