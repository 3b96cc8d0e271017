//! What a client hears on the live stream.

use serde_json::Value;

use super::{Ask, WAIT_MAX};

/// An open stream of Server-Sent Events.
pub struct Listening {
    response: reqwest::Response,
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
        let response = ask.open().await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    pub async fn next(&mut self) -> Heard {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(heard) = parsed(&event) {
                    return heard;
                }
            }
            let chunk = tokio::time::timeout(WAIT_MAX, self.response.chunk()).await;
            let chunk = chunk.expect("the stream stays silent").unwrap();
            self.text += std::str::from_utf8(&chunk.expect("the stream goes on")).unwrap();
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
