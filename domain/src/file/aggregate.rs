use std::collections::BTreeMap;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Content, Event, FileName};
use crate::Recorded;

/// More files than anything has; keeps a page and the stream's state small.
pub const FILES_MAX: usize = 50;

/// The files of one target, by name.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Files {
    by_name: BTreeMap<FileName, Content>,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no file with this name")]
    Unknown,
    #[error("at most {FILES_MAX} files can be attached to one thing")]
    TooMany,
}

impl Files {
    /// What is attached, by name.
    pub fn attached(&self) -> impl Iterator<Item = (&FileName, &Content)> {
        self.by_name.iter()
    }

    /// Every rule about files, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Attach { target, name, content, at } => match self.by_name.get(&name) {
                Some(current) if *current == content => Ok(vec![]),
                Some(from) => {
                    let (from, to) = (from.clone(), content);
                    Ok(vec![Event::FileReplaced { target, name, from, to, at }])
                }
                None if self.by_name.len() >= FILES_MAX => Err(Refusal::TooMany),
                None => Ok(vec![Event::FileAttached { target, name, content, at }]),
            },
            Command::Remove { target, name, at } => match self.by_name.get(&name).cloned() {
                Some(content) => Ok(vec![Event::FileRemoved { target, name, content, at }]),
                None => Err(Refusal::Unknown),
            },
        }
    }
}

impl Aggregate for Files {
    const TYPE: &'static str = "file";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::FileAttached { name, content, .. }
            | Event::FileReplaced { name, to: content, .. } => {
                self.by_name.insert(name, content);
            }
            Event::FileRemoved { name, .. } => {
                self.by_name.remove(&name);
            }
        }
    }
}

impl Recorded for Files {}
