use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use blobstore::Blobs;
use futures::{StreamExt, stream};
use tokio_util::bytes::Bytes;

use crate::{Place, files, received};

const VICTIM: &str = "DAYBOOK_TEST_RECEIVE_IN";
const DEADLINE: Duration = Duration::from_secs(60);

/// Receives without an end. Only there to be killed by the tests below; by itself it does nothing.
#[tokio::test]
async fn a_program_of_its_own_receives_until_it_is_killed() {
    if let Ok(folder) = std::env::var(VICTIM) {
        let blobs = Blobs::folder(Path::new(&folder));
        let pieces = stream::iter([Ok::<_, ()>(Bytes::from_static(&[b'x'; 1 << 16]))]);
        let _ = blobs.receive(pieces.chain(stream::pending())).await;
    }
}

/// A program in the middle of an upload of which there is something on disk.
fn victim(place: &Place) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::a_program_of_its_own_receives_until_it_is_killed"]);
    command.env(VICTIM, &place.0).stdout(Stdio::null());
    let child = local_services::spawn_bound_to_us(command, local_services::Signal::Kill).unwrap();
    let begun = Instant::now();
    let has_begun =
        || files(&place.0).iter().any(|file| file.metadata().is_ok_and(|file| file.len() > 0));
    while !has_begun() {
        assert!(begun.elapsed() < DEADLINE, "nothing is received");
        std::thread::yield_now();
    }
    child
}

#[tokio::test]
async fn nothing_is_left_of_an_upload_whose_program_was_killed() {
    let place = Place::new();
    let mut victim = victim(&place);
    victim.kill().unwrap();
    victim.wait().unwrap();
    let left = files(&place.0);
    assert!(left.iter().all(|file| file.starts_with(place.0.join("incoming"))), "{left:?}");
    assert!(!left.is_empty());

    Blobs::folder(&place.0);
    assert!(files(&place.0).is_empty(), "{:?}", files(&place.0));
}

#[tokio::test]
async fn who_starts_sweeps_nothing_away_that_somebody_else_receives() {
    let place = Place::new();
    let mut victim = victim(&place);
    let blobs = Blobs::folder(&place.0);
    assert_eq!(files(&place.0).len(), 1, "the other one goes on");
    let mine = received(&blobs, b"mine").await;
    blobs.keep(mine).await.unwrap();
    assert_eq!(files(&place.0).len(), 2);
    victim.kill().unwrap();
    victim.wait().unwrap();
}
