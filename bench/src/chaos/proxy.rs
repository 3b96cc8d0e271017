//! A proxy that can go deaf: what the client asks for gets through, what the server answers does
//! not.
//!
//! So a server does something and nobody ever hears that it did, without any hook in our programs.

use std::io;
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

/// What the bytes look like after which a connection is deaf, and the answers that count then.
#[derive(Debug, Clone, Copy)]
pub struct Telling {
    pub asked: &'static [u8],
    /// Empty: any answer.
    pub answered: &'static [u8],
}

#[derive(Debug)]
struct State {
    telling: Telling,
    /// The next to ask for it goes deaf.
    armed: AtomicBool,
    swallowed: AtomicU64,
    /// Whoever sees it change hangs up.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub async fn start(upstream: Upstream, telling: Telling) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            telling,
            armed: AtomicBool::new(false),
            swallowed: AtomicU64::new(0),
            cuts: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, upstream, state.clone()));
        Ok(Self { port, state, accepting })
    }

    /// From now on whoever asks for what tells something gets no answer any more.
    pub fn go_deaf(&self) {
        self.state.swallowed.store(0, Ordering::SeqCst);
        self.state.armed.store(true, Ordering::SeqCst);
    }

    /// How many answers that tell something were swallowed since then.
    pub fn swallowed(&self) -> u64 {
        self.state.swallowed.load(Ordering::SeqCst)
    }

    /// Hangs up on everybody; whoever comes again is heard.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
        self.state.armed.store(false, Ordering::SeqCst);
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
        let deaf = AtomicBool::new(false);
        let forth = async {
            let mut chunk = vec![0; CHUNK];
            loop {
                let length = asks.read(&mut chunk).await?;
                if length == 0 {
                    return io::Result::Ok(());
                }
                let armed = self.armed.load(Ordering::SeqCst);
                if armed && contains(&chunk[..length], self.telling.asked) {
                    deaf.store(true, Ordering::SeqCst);
                }
                server.write_all(&chunk[..length]).await?;
            }
        };
        let heard = async {
            let mut chunk = vec![0; CHUNK];
            loop {
                let length = answers.read(&mut chunk).await?;
                if length == 0 {
                    return io::Result::Ok(());
                }
                if !deaf.load(Ordering::SeqCst) {
                    back.write_all(&chunk[..length]).await?;
                } else if contains(&chunk[..length], self.telling.answered) {
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
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|bytes| bytes == part)
}
