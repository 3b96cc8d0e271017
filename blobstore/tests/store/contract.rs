use blobstore::{Blobs, ReceiveError};
use domain::file::{HEAD_BYTES, Sha256};
use futures::stream;
use tokio_util::bytes::Bytes;

use crate::s3::Server;
use crate::{Place, files, read, received};

/// Not a whole number of pieces, and no two bytes beside each other the same.
fn content(seed: u8) -> Vec<u8> {
    (0..300_001u32).map(|number| (number as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

async fn keeps_its_promises(blobs: &Blobs) {
    what_was_kept_is_read_back(blobs).await;
    the_same_content_is_kept_once_and_by_many_at_once(blobs).await;
    what_is_not_there_is_not_found(blobs).await;
}

async fn what_was_kept_is_read_back(blobs: &Blobs) {
    let content = content(1);
    let (hash, size) = {
        let received = received(blobs, &content).await;
        assert_eq!(received.size, content.len() as u64);
        assert_eq!(received.head, content[..HEAD_BYTES]);
        let hash = received.sha256.clone();
        assert_eq!(blobs.size(&hash).await.unwrap(), None, "it is not kept yet");
        let size = received.size;
        blobs.keep(received).await.unwrap();
        (hash, size)
    };
    assert_eq!(blobs.size(&hash).await.unwrap(), Some(size));
    for bytes in [0..size, 0..1, 7..70_007, size - 1..size, 5..5] {
        let part = blobs.open(&hash, bytes.clone()).await.unwrap().unwrap();
        let (from, to) = (bytes.start as usize, bytes.end as usize);
        assert_eq!(read(part).await, content[from..to], "{bytes:?}");
    }
}

async fn the_same_content_is_kept_once_and_by_many_at_once(blobs: &Blobs) {
    let content = content(2);
    let keep = || async {
        let received = received(blobs, &content).await;
        let hash = received.sha256.clone();
        blobs.keep(received).await.unwrap();
        hash
    };
    let hashes = futures::future::join_all((0..8).map(|_| keep())).await;
    assert!(hashes.iter().all(|hash| *hash == hashes[0]));
    let whole = blobs.open(&hashes[0], 0..content.len() as u64).await.unwrap().unwrap();
    assert_eq!(read(whole).await, content);
}

async fn what_is_not_there_is_not_found(blobs: &Blobs) {
    let nothing = Sha256::from([7; 32]);
    assert_eq!(blobs.size(&nothing).await.unwrap(), None);
    assert!(blobs.open(&nothing, 0..1).await.unwrap().is_none());
    assert!(blobs.open(&nothing, 0..0).await.unwrap().is_none());
}

#[tokio::test]
async fn a_folder_keeps_its_promises() {
    let place = Place::new();
    keeps_its_promises(&Blobs::folder(&place.0)).await;
    assert_eq!(files(&place.0).len(), 2, "{:?}", files(&place.0));
    the_same_content_is_kept_once_and_by_many_at_once(&Blobs::folder(&place.0)).await;
    assert_eq!(files(&place.0).len(), 2, "the second time nothing is new");
}

#[tokio::test]
async fn a_bucket_keeps_its_promises() {
    let Some(server) = Server::start() else { return };
    for prefix in ["", "shop/files"] {
        keeps_its_promises(&server.blobs(prefix).await).await;
    }
}

#[tokio::test]
async fn a_store_that_is_away_says_so() {
    let Some(server) = Server::start() else { return };
    let blobs = server.blobs("").await;
    let received = received(&blobs, b"hello").await;
    let hash = received.sha256.clone();
    drop(server);
    let error = blobs.keep(received).await.unwrap_err().to_string();
    assert!(error.contains("cannot be asked"), "{error}");
    assert!(blobs.open(&hash, 0..5).await.is_err());
}

#[tokio::test]
async fn a_key_that_the_store_does_not_take_is_no_content_that_is_not_there() {
    let Some(server) = Server::start() else { return };
    let blobs = server.blobs_in("no-such-bucket");
    let received = received(&blobs, b"hello").await;
    assert!(blobs.keep(received).await.is_err());
}

#[tokio::test]
async fn nothing_is_left_of_what_did_not_arrive_or_was_not_kept() {
    let place = Place::new();
    let blobs = Blobs::folder(&place.0);
    let pieces = [Ok(Bytes::from_static(b"half a ")), Err("the line was cut")];
    let error = blobs.receive(stream::iter(pieces)).await.unwrap_err();
    assert!(matches!(error, ReceiveError::Source("the line was cut")));
    drop(received(&blobs, b"not wanted after all").await);
    assert!(files(&place.0).is_empty(), "{:?}", files(&place.0));
}
