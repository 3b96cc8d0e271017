use std::collections::BTreeMap;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{About, Command, Event};
use crate::{AccountId, AnswerId, Claim, Recorded};

/// Questions of one conversation at most.
pub const QUESTIONS_MAX: usize = 100;

/// Absent until the first question. Holds no words: a cache of them would outlive the erasure of
/// whoever said them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    opened: Option<Opened>,
    answers: BTreeMap<AnswerId, Standing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Opened {
    asker: AccountId,
    about: About,
}

/// How far an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Waiting,
    Given,
    Rated { helpful: bool },
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no such conversation of yours")]
    UnknownConversation,
    #[error("there is no such answer of yours")]
    UnknownAnswer,
    #[error("only who takes the course or teaches it asks about it")]
    NotAdmitted,
    #[error("this conversation is about something else")]
    AboutOther,
    #[error("a conversation has at most {QUESTIONS_MAX} questions: begin another")]
    Full,
    #[error("this question has not been answered yet")]
    NotAnswered,
}

impl Conversation {
    /// Asked, and not yet answered.
    pub fn awaits(&self, answer: AnswerId) -> bool {
        self.answers.get(&answer) == Some(&Standing::Waiting)
    }

    /// Every rule about conversations: who may, about what, then in which state.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.opened) {
            (Command::Ask { continues: true, .. }, None) => Err(Refusal::UnknownConversation),
            (Command::Ask { asker, .. }, Some(opened)) if asker != opened.asker => {
                Err(Refusal::UnknownConversation)
            }
            (Command::Ask { answer, .. }, _) if self.answers.contains_key(&answer) => Ok(vec![]),
            (Command::Ask { admitted: false, .. }, _) => Err(Refusal::NotAdmitted),
            (Command::Ask { about, .. }, Some(opened)) if about != opened.about => {
                Err(Refusal::AboutOther)
            }
            (Command::Ask { .. }, _) if self.answers.len() >= QUESTIONS_MAX => Err(Refusal::Full),
            (Command::Ask { conversation, answer, asker, about, question, at, .. }, _) => {
                Ok(vec![Event::QuestionAsked { conversation, answer, asker, about, question, at }])
            }
            (_, None) => Err(Refusal::UnknownAnswer),
            (Command::Rate { by, .. }, Some(opened)) if by != opened.asker => {
                Err(Refusal::UnknownAnswer)
            }
            (command, Some(opened)) => self.decide_answer(command, opened),
        }
    }

    /// What is asked of one answer.
    fn decide_answer(&self, command: Command, opened: Opened) -> Result<Vec<Event>, Refusal> {
        let Opened { asker, about } = opened;
        let (Command::Ask { answer, .. }
        | Command::Answer { answer, .. }
        | Command::Rate { answer, .. }) = &command;
        let standing = self.answers.get(answer).ok_or(Refusal::UnknownAnswer)?;
        match (command, standing) {
            (
                Command::Answer {
                    conversation,
                    answer,
                    text,
                    citations,
                    provider,
                    model,
                    fallback_reason,
                    at,
                },
                Standing::Waiting,
            ) => Ok(vec![Event::AnswerGiven {
                conversation,
                answer,
                asker,
                about,
                text,
                citations,
                provider,
                model,
                fallback_reason,
                at,
            }]),
            (Command::Answer { .. } | Command::Ask { .. }, _) => Ok(vec![]),
            (Command::Rate { .. }, Standing::Waiting) => Err(Refusal::NotAnswered),
            (Command::Rate { helpful, .. }, Standing::Rated { helpful: before })
                if helpful == *before =>
            {
                Ok(vec![])
            }
            (Command::Rate { conversation, answer, helpful, at, .. }, _) => {
                Ok(vec![Event::AnswerRated { conversation, answer, asker, about, helpful, at }])
            }
        }
    }
}

impl Aggregate for Conversation {
    const TYPE: &'static str = "conversation";
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
            Event::QuestionAsked { answer, asker, about, .. } => {
                self.opened = Some(Opened { asker, about });
                self.answers.insert(answer, Standing::Waiting);
            }
            Event::AnswerGiven { answer, .. } => {
                self.answers.insert(answer, Standing::Given);
            }
            Event::AnswerRated { answer, helpful, .. } => {
                self.answers.insert(answer, Standing::Rated { helpful });
            }
        }
    }
}

/// An answer is asked for by its own id alone: the claim leads from it to its conversation.
impl Recorded for Conversation {
    fn claims(event: &Event) -> Vec<Claim> {
        match event {
            Event::QuestionAsked { conversation, answer, .. } => vec![Claim::Unique {
                kind: "answer",
                key: answer.to_string(),
                holder: conversation.to_string(),
                personal: false,
            }],
            Event::AnswerGiven { .. } | Event::AnswerRated { .. } => vec![],
        }
    }
}
