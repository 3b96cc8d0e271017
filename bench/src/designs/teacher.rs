//! Somebody who publishes courses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::http::{Ask, Connection};
use crate::system::System;

const AT_ONCE: usize = 8;
const PUBLISHED_MAX: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub struct Teacher {
    address: String,
    token: Arc<str>,
}

impl Teacher {
    pub async fn of(system: &System) -> anyhow::Result<Self> {
        let login = system.account("instructor").await?;
        let address = system.site.address.clone();
        let token = login.log_in(&address).await?.into();
        Ok(Self { address, token })
    }

    /// Courses of one lesson, without a limit of seats.
    pub async fn small_courses(&self, count: usize) -> anyhow::Result<Vec<Uuid>> {
        let lessons = [("The first page".to_owned(), "Begin with *one* page.".to_owned())];
        let making = (0..AT_ONCE).map(async |part| {
            let mut made = Vec::new();
            for number in (part..count).step_by(AT_ONCE) {
                made.push(self.course(&format!("Reading {number}"), &lessons).await?);
            }
            anyhow::Ok(made)
        });
        Ok(try_join_all(making).await?.concat())
    }

    /// A course with these titles and texts, once it is published.
    pub async fn course(&self, title: &str, lessons: &[(String, String)]) -> anyhow::Result<Uuid> {
        let mut connection = Connection::open(&self.address).await?;
        let course = json!({ "title": title, "description": "A course.", "skills": ["reading"] });
        let course = self.post(&mut connection, "courses", &course).await?;
        let path = format!("courses/{course}");
        for (title, text) in lessons {
            let lesson = json!({ "title": title, "text": text, "minutes": 10 });
            self.post(&mut connection, &format!("{path}/lessons"), &lesson).await?;
        }
        let workflow =
            self.post(&mut connection, &format!("{path}/publication"), &json!({})).await?;
        let (path, begun) = (format!("workflows/{workflow}"), Instant::now());
        loop {
            let ask = Ask { method: "GET", path: &path, token: &self.token, headers: "", body: "" };
            let answer = connection.ask(ask).await?.json();
            match answer["state"].as_str() {
                Some("COMPLETED") => return Ok(course),
                Some("FAILED") => anyhow::bail!("a course is not published: {answer}"),
                // Not there yet, or under way.
                _ => ensure!(begun.elapsed() < PUBLISHED_MAX, "still not published: {answer}"),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn post(
        &self,
        connection: &mut Connection,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Uuid> {
        let body = body.to_string();
        let ask = Ask { method: "POST", path, token: &self.token, headers: "", body: &body };
        let answer = connection.ask(ask).await?.accepted()?.json();
        Ok(answer["id"].as_str().context("no id")?.parse()?)
    }
}
