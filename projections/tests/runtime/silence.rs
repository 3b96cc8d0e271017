//! A database that vanishes without a word: lines stay open and nothing comes over them any more.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eventstore::{Bus, BusOptions, Reader};
use projections::runtime::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::house::{House, counted};
use crate::tally::Tally;

/// Longer than anything of a worker waits for an answer.
const GIVEN_UP: Duration = Duration::from_secs(90);

/// A way to the server that can fall silent.
struct Proxy {
    folder: PathBuf,
    silent: Arc<AtomicBool>,
    /// Answers that were swallowed.
    swallowed: Arc<AtomicBool>,
}

impl Proxy {
    fn start(server: PathBuf) -> Self {
        let folder = std::env::temp_dir().join(format!("silent-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
        let (silent, swallowed) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let proxy = Self { folder, silent: silent.clone(), swallowed: swallowed.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = UnixStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, upstream, silent.clone(), swallowed.clone()));
            }
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A line that was silent once stays so, as one does whose server lost its power.
async fn carry(
    client: UnixStream,
    server: UnixStream,
    silent: Arc<AtomicBool>,
    swallowed: Arc<AtomicBool>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let forth = async { tokio::io::copy(&mut from_client, &mut to_server).await };
    let back = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if silent.load(Ordering::SeqCst) {
                swallowed.store(true, Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { _ = forth => {}, () = back => {} }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_falls_silent_is_asked_again_on_new_lines() {
    let house = House::new().await;
    let options = (*house.pool.connect_options()).clone();
    let proxy = Proxy::start(options.get_socket().unwrap().join(".s.PGSQL.5432"));
    let url = options.socket(&proxy.folder);
    let url = sqlx::ConnectOptions::to_url_lossy(&url).to_string();
    let program = house.start_at(&url, Tally::default().boxed(), None, Options::default()).await;
    let relay = match local_services::testing::nats() {
        Some(nats) => Some(Relaying::start(&nats, &url).await),
        None => None,
    };
    house.append(&[counted("a", 1)]).await;
    house.caught_up("tally").await;
    if let Some(relay) = &relay {
        relay.complete(&house.reader).await;
    }

    proxy.silent.store(true, Ordering::SeqCst);
    house.append(&[counted("a", 10)]).await;
    // The worker's lease runs out meanwhile: every line it uses is dead.
    house.until("select bool_and(until < clock_timestamp()) from projections.leases").await;
    assert!(proxy.swallowed.load(Ordering::SeqCst));
    proxy.silent.store(false, Ordering::SeqCst);

    house.live_within(GIVEN_UP, "tally", |live| live.lag_events == 0).await;
    house.append(&[counted("a", 100)]).await;
    house.live_within(GIVEN_UP, "tally", |live| live.lag_events == 0).await;
    assert_eq!(house.tallies().await, [("a".to_owned(), 111)]);
    if let Some(relay) = relay {
        relay.complete(&house.reader).await;
    }
    program.stop().await;
}

/// A relay that goes the same way to the database.
struct Relaying {
    bus: Bus,
    _relay: DropGuard,
}

impl Relaying {
    async fn start(nats: &str, url: &str) -> Self {
        let stream = BusOptions {
            stream: format!("SILENCE_{}", std::process::id()),
            stream_bytes_max: 64 << 20,
            ..BusOptions::default()
        };
        let bus = Bus::connect_with(nats, stream).await.unwrap();
        let pool = eventstore::pool_options(5).connect(url).await.unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(eventstore::relay(Reader::new(pool), bus.clone(), shutdown.clone()));
        Self { bus, _relay: shutdown.drop_guard() }
    }

    /// Waits until the stream ends where the log does.
    async fn complete(&self, reader: &Reader) {
        let deadline = Instant::now() + GIVEN_UP;
        let head = reader.head().await.unwrap();
        loop {
            let status = self.bus.status(reader).await;
            if matches!(&status, Ok(Some(status)) if status.last == head) {
                return;
            }
            assert!(Instant::now() < deadline, "{status:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
