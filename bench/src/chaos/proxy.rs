//! A proxy that can go deaf: what the server answers is swallowed, what the client sends is not.
//!
//! So a server does something and nobody ever hears that it did, without any hook in our programs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

const CHUNK: usize = 16 * 1024;

/// Where the proxy leads.
#[derive(Debug, Clone)]
pub enum Upstream {
    Tcp(String),
    Unix(PathBuf),
}

/// Listens on a port of this machine for as long as it lives.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    /// What an answer has in it that counts when it is swallowed; empty: any does.
    telling: &'static [u8],
    deaf: AtomicBool,
    swallowed: AtomicU64,
    /// Whoever sees it change hangs up.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub async fn start(upstream: Upstream, telling: &'static [u8]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            telling,
            deaf: AtomicBool::new(false),
            swallowed: AtomicU64::new(0),
            cuts: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, upstream, state.clone()));
        Ok(Self { port, state, accepting })
    }

    /// From now on no answer gets through.
    pub fn go_deaf(&self) {
        self.state.swallowed.store(0, Ordering::SeqCst);
        self.state.deaf.store(true, Ordering::SeqCst);
    }

    /// How many answers that tell something were swallowed since the proxy went deaf.
    pub fn swallowed(&self) -> u64 {
        self.state.swallowed.load(Ordering::SeqCst)
    }

    /// Hangs up on everybody; whoever comes again is heard.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
        self.state.deaf.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, upstream: Upstream, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let (upstream, state) = (upstream.clone(), state.clone());
        tokio::spawn(async move {
            let _ = client.set_nodelay(true);
            match upstream {
                Upstream::Tcp(address) => {
                    if let Ok(server) = TcpStream::connect(address).await {
                        let _ = server.set_nodelay(true);
                        let (read, write) = server.into_split();
                        state.carry(client, read, write).await;
                    }
                }
                Upstream::Unix(path) => {
                    if let Ok(server) = UnixStream::connect(path).await {
                        let (read, write) = server.into_split();
                        state.carry(client, read, write).await;
                    }
                }
            }
        });
    }
}

impl State {
    /// Until either side hangs up, or we do.
    async fn carry(
        &self,
        client: TcpStream,
        mut answers: impl AsyncRead + Unpin,
        mut server: impl AsyncWrite + Unpin,
    ) {
        let mut cuts = self.cuts.subscribe();
        let (mut asks, mut back) = client.into_split();
        let forth = async { tokio::io::copy(&mut asks, &mut server).await.map(drop) };
        let heard = async {
            let mut chunk = vec![0; CHUNK];
            loop {
                let length = answers.read(&mut chunk).await?;
                if length == 0 {
                    return std::io::Result::Ok(());
                }
                let chunk = &chunk[..length];
                if !self.deaf.load(Ordering::SeqCst) {
                    back.write_all(chunk).await?;
                } else if self.tells(chunk) {
                    self.swallowed.fetch_add(1, Ordering::SeqCst);
                }
            }
        };
        // However it ends: both sides find the connection gone.
        let _ = tokio::select! {
            ended = forth => ended,
            ended = heard => ended,
            _ = cuts.changed() => Ok(()),
        };
    }

    fn tells(&self, chunk: &[u8]) -> bool {
        let telling = self.telling;
        telling.is_empty() || chunk.windows(telling.len()).any(|bytes| bytes == telling)
    }
}
