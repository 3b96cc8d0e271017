//! What a client hears on the live stream.

use serde_json::Value;
use tokio::sync::mpsc;

use super::{Ask, WAIT_MAX};

/// An open stream of Server-Sent Events.
///
/// It listens all the time, as a browser does: whoever lets 64 events lie is sent away.
pub struct Listening {
    chunks: mpsc::UnboundedReceiver<String>,
    text: String,
}

/// One event, as the browser would see it.
#[derive(Debug, Clone)]
pub struct Heard {
    pub id: i64,
    pub event: String,
    pub data: Value,
}

impl Listening {
    pub async fn to(ask: Ask) -> Self {
        let mut response = ask.open().await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (heard, chunks) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(chunk)) = response.chunk().await {
                if heard.send(String::from_utf8(chunk.to_vec()).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { chunks, text: String::new() }
    }

    pub async fn next(&mut self) -> Heard {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(heard) = parsed(&event) {
                    self.last = heard.id;
                    return heard;
                }
            }
            let chunk = tokio::time::timeout(WAIT_MAX, self.chunks.recv()).await;
            self.text += &chunk.expect("the stream stays silent").expect("the stream goes on");
        }
    }

    /// The next event of this type; those before it are of no interest.
    pub async fn until(&mut self, happened: &str) -> Heard {
        loop {
            let heard = self.next().await;
            if heard.data["type"] == happened {
                return heard;
            }
        }
    }
}

async fn opened(ask: Ask) -> reqwest::Response {
    let response = ask.open().await;
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response
}

/// None for a heartbeat.
fn parsed(event: &str) -> Option<Heard> {
    let field = |name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim())
    };
    Some(Heard {
        id: field("id:")?.parse().unwrap(),
        event: field("event:")?.to_owned(),
        data: serde_json::from_str(field("data:")?).unwrap(),
    })
}
