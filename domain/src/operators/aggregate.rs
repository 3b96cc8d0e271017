use std::collections::BTreeSet;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::{AccountId, Recorded, Role};

/// The id of the one stream.
pub const STREAM: &str = "all";

/// Everyone who is an operator now.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operators {
    accounts: BTreeSet<AccountId>,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("the last operator cannot be demoted")]
    LastOperator,
}

impl Operators {
    pub fn contains(&self, account: AccountId) -> bool {
        self.accounts.contains(&account)
    }

    /// True when nobody would be left without this account.
    pub fn is_last(&self, account: AccountId) -> bool {
        self.accounts.len() == 1 && self.contains(account)
    }

    pub const fn accounts(&self) -> &BTreeSet<AccountId> {
        &self.accounts
    }

    /// Every rule about operators, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        let role = Role::Operator;
        match command {
            Command::Grant { account, .. } if self.contains(account) => Ok(vec![]),
            Command::Grant { account, at } => Ok(vec![Event::RoleGranted { account, role, at }]),
            Command::Revoke { account, .. } if !self.contains(account) => Ok(vec![]),
            Command::Revoke { account, .. } if self.is_last(account) => Err(Refusal::LastOperator),
            Command::Revoke { account, at } => Ok(vec![Event::RoleRevoked { account, role, at }]),
        }
    }
}

impl Aggregate for Operators {
    const TYPE: &'static str = "operators";
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
            Event::RoleGranted { account, .. } => {
                self.accounts.insert(account);
            }
            Event::RoleRevoked { account, .. } => {
                self.accounts.remove(&account);
            }
        }
    }
}

impl Recorded for Operators {}
