//! What a client hears on the live stream.

use serde_json::Value;
use tokio::sync::mpsc;

use super::{Ask, WAIT_MAX};

/// An open stream of Server-Sent Events.
///
/// It listens all the time and opens the stream again where it ended, as a browser does: the system
/// sends away whoever lets 64 events lie, and whoever's roles have changed.
pub struct Listening(mpsc::UnboundedReceiver<Heard>);

/// One event, as the browser would see it.
#[derive(Debug, Clone)]
pub struct Heard {
    pub id: i64,
    pub event: String,
    pub data: Value,
}

impl Listening {
    pub async fn to(ask: Ask) -> Self {
        let mut response = opened(ask.again()).await;
        let (speaker, listener) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(last) = spoken(&mut response, &speaker).await {
                let again = ask.again().header("last-event-id", last);
                response = opened(again).await;
            }
        });
        Self(listener)
    }

    pub async fn next(&mut self) -> Heard {
        let heard = tokio::time::timeout(WAIT_MAX, self.0.recv()).await;
        heard.expect("the stream stays silent").expect("the system is there")
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

/// Until the stream ends: the id of the last event. None if nobody listens any more.
async fn spoken(
    response: &mut reqwest::Response,
    speaker: &mpsc::UnboundedSender<Heard>,
) -> Option<i64> {
    let (mut text, mut last) = (String::new(), None);
    while let Ok(Some(chunk)) = response.chunk().await {
        text += std::str::from_utf8(&chunk).unwrap();
        while let Some((event, rest)) = text.split_once("\n\n") {
            let heard = parsed(event);
            text = rest.to_owned();
            if let Some(heard) = heard {
                last = Some(heard.id);
                speaker.send(heard).ok()?;
            }
        }
    }
    last
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
