//! Every way to read the log as it grows. Each wants the position after the last one it saw, and
//! reads until the event that ends the test.

use std::time::Duration;

use eventstore::{Bus, Reader, RecordedEvent, Subscription};
use sqlx::{Connection, PgConnection};

/// The type of the event after which nothing comes.
pub const END: &str = "Ended";

/// How far one reader has come.
#[derive(Default)]
pub struct Seen {
    pub position: i64,
    pub ended: bool,
}

impl Seen {
    fn take(&mut self, events: &[RecordedEvent]) {
        for event in events {
            assert_eq!(event.position, self.position + 1, "a gap or an inversion became visible");
            assert_ne!(event.event_type, crate::sessions::NEVER, "it was rolled back");
            self.position = event.position;
            self.ended |= event.event_type == END;
        }
    }
}

/// As fast as it can, so that it looks at every moment there is.
pub async fn by_page(reader: Reader) -> i64 {
    let mut seen = Seen::default();
    while !seen.ended {
        seen.take(&reader.page(seen.position, 100).await.unwrap());
    }
    seen.position
}

/// The head that a tail names must be there whole.
pub async fn by_tail(reader: Reader) -> i64 {
    let mut tail = reader.tail().await.unwrap();
    let mut seen = Seen::default();
    while !seen.ended {
        let head = tail.wait_past(seen.position, Duration::from_millis(500)).await.unwrap();
        seen.take(&reader.range(seen.position, head, i64::MAX).await.unwrap());
        assert_eq!(seen.position, head, "the head was told before its events could be seen");
    }
    seen.position
}

pub async fn by_subscription(reader: Reader, bus: Option<Bus>) -> i64 {
    let mut subscription = Subscription::start(reader, bus, 0).await;
    let mut seen = Seen::default();
    while !seen.ended {
        seen.take(&subscription.next().await.unwrap());
    }
    seen.position
}

/// In one snapshot the log is whole, up to where its last commit says; it stays so while the
/// snapshot lasts, and the next one holds no less.
pub async fn by_snapshot(url: String) -> i64 {
    let mut session = PgConnection::connect(&url).await.unwrap();
    let mut before = 0;
    loop {
        let mut snapshot = session.begin().await.unwrap();
        sqlx::query("set transaction isolation level repeatable read, read only")
            .execute(&mut *snapshot)
            .await
            .unwrap();
        let head = whole(&mut snapshot).await;
        assert!(head >= before, "the log was longer before");
        assert_eq!(whole(&mut snapshot).await, head, "the snapshot moved");
        before = head;
        let ended: bool = sqlx::query_scalar(
            "select exists (select from eventstore.events where position = $1 and event_type = $2)",
        )
        .bind(head)
        .bind(END)
        .fetch_one(&mut *snapshot)
        .await
        .unwrap();
        snapshot.commit().await.unwrap();
        if ended {
            return head;
        }
    }
}

/// The last position of the log, all of which must be there, event by event and commit by commit.
pub async fn whole(session: &mut PgConnection) -> i64 {
    let (count, first, last, commits, ends_at): (i64, i64, i64, i64, i64) = sqlx::query_as(
        "select count(*), coalesce(min(position), 1), coalesce(max(position), 0),
                (select coalesce(sum(last_position - first_position + 1), 0)::bigint
                   from eventstore.commits),
                (select coalesce(max(last_position), 0) from eventstore.commits)
         from eventstore.events",
    )
    .fetch_one(session)
    .await
    .unwrap();
    assert_eq!((first, count, commits, ends_at), (1, last, last, last), "the log has holes");
    last
}
