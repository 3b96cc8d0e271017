//! Who is who, and who has which role.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::account::{Account, Channel, Event, Phone};
use domain::operators::{self, Operators};
use domain::{Email, Language, Name, Personal, Role, Tags};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct Profiles;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Profile {
    account: Uuid,
    display_name: Option<Personal<Name>>,
    email: Option<Personal<Email>>,
    phone: Option<Personal<Phone>>,
    language: Option<Language>,
    topics: Tags,
    channels: Vec<Channel>,
    state: State,
    registered_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    sequence: i64,
    position: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Active,
    Deactivated,
    Erased,
}

/// What a batch does to roles: erased accounts lose all, then each role is held or not.
#[derive(Debug, Default)]
struct Roles {
    erased: BTreeSet<Uuid>,
    held: BTreeMap<(Uuid, Role), Option<DateTime<Utc>>>,
}

#[async_trait]
impl Projection for Profiles {
    fn name(&self) -> &'static str {
        "profiles"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Account::TYPE, Operators::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("account.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let accounts: Vec<Uuid> = batch
            .iter()
            .filter(|event| event.stream.aggregate_type == Account::TYPE)
            .filter_map(|event| event.stream.aggregate_id.parse().ok())
            .collect();
        let known: Vec<Profile> =
            fetch(tx, "select to_jsonb(p) from profiles p where account = any($1)", &accounts)
                .await?;
        let mut profiles: BTreeMap<Uuid, Profile> =
            known.into_iter().map(|profile| (profile.account, profile)).collect();
        let mut roles = Roles::default();
        for event in batch {
            if event.stream.aggregate_type == Operators::TYPE {
                match event.decode()? {
                    operators::Event::RoleGranted { account, role, at } => {
                        roles.held.insert((account.uuid(), role), Some(at));
                    }
                    operators::Event::RoleRevoked { account, role, .. } => {
                        roles.held.insert((account.uuid(), role), None);
                    }
                }
            } else {
                fold(&mut profiles, &mut roles, event)?;
            }
        }
        write(tx, profiles.into_values().collect(), roles).await
    }
}

fn fold(
    profiles: &mut BTreeMap<Uuid, Profile>,
    roles: &mut Roles,
    event: &RecordedEvent,
) -> Result<(), ProjectionError> {
    let decoded: Event = event.decode()?;
    if let Event::AccountRegistered { account, email, display_name, at } = decoded {
        let profile = Profile {
            account: account.uuid(),
            display_name: Some(display_name),
            email: Some(email),
            phone: None,
            language: None,
            topics: Tags::default(),
            channels: Vec::new(),
            state: State::Active,
            registered_at: at,
            changed_at: at,
            sequence: event.sequence,
            position: event.position,
        };
        profiles.insert(account.uuid(), profile);
        return Ok(());
    }
    let profile = event
        .stream
        .aggregate_id
        .parse()
        .ok()
        .and_then(|account: Uuid| profiles.get_mut(&account))
        .ok_or_else(|| ProjectionError::event(event, "the account was never registered"))?;
    let account = profile.account;
    profile.sequence = event.sequence;
    profile.changed_at = match decoded {
        Event::AccountRegistered { at, .. } => at,
        Event::ProfileChanged { changes, at, .. } => {
            profile.display_name = changes.display_name.or(profile.display_name.take());
            profile.phone = changes.phone.apply(profile.phone.take());
            profile.language = changes.language.apply(profile.language.take());
            if let Some(topics) = changes.topics {
                profile.topics = topics;
            }
            if let Some(channels) = changes.channels {
                profile.channels = channels;
            }
            at
        }
        Event::EmailChanged { email, at, .. } => {
            profile.email = Some(email);
            at
        }
        Event::PasswordChanged { at, .. } => at,
        // Anybody can ask for that, and a thief may come back: neither changes the account.
        Event::PasswordResetRequested { .. } | Event::RefreshReuseDetected { .. } => {
            profile.changed_at
        }
        Event::ApiKeyCreated { at, .. } | Event::ApiKeyRevoked { at, .. } => at,
        Event::RoleGranted { role, at, .. } => {
            roles.held.insert((account, role), Some(at));
            at
        }
        Event::RoleRevoked { role, at, .. } => {
            roles.held.insert((account, role), None);
            at
        }
        Event::AccountDeactivated { at, .. } => {
            profile.state = State::Deactivated;
            at
        }
        Event::AccountReactivated { at, .. } => {
            profile.state = State::Active;
            at
        }
        Event::AccountErased { at, .. } => {
            *profile = Profile {
                display_name: None,
                email: None,
                phone: None,
                language: None,
                topics: Tags::default(),
                channels: Vec::new(),
                state: State::Erased,
                ..profile.clone()
            };
            roles.held.retain(|(holder, _), _| *holder != account);
            roles.erased.insert(account);
            at
        }
    };
    Ok(())
}

async fn write(
    tx: &mut PgConnection,
    profiles: Vec<Profile>,
    roles: Roles,
) -> Result<(), ProjectionError> {
    put(
        tx,
        "insert into profiles
         select * from jsonb_populate_recordset(null::profiles, $1)
         on conflict (account) do update
            set (display_name, email, phone, language, topics, channels, state, changed_at, sequence)
              = (excluded.display_name, excluded.email, excluded.phone, excluded.language,
                 excluded.topics, excluded.channels, excluded.state, excluded.changed_at,
                 excluded.sequence)",
        &profiles,
    )
    .await?;

    if !roles.erased.is_empty() {
        sqlx::query("delete from roles where account = any($1)")
            .bind(roles.erased.into_iter().collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
    }
    let (mut accounts, mut names, mut since) = (Vec::new(), Vec::new(), Vec::new());
    let (mut losers, mut lost) = (Vec::new(), Vec::new());
    for ((account, role), held) in roles.held {
        match held {
            Some(at) => {
                accounts.push(account);
                names.push(role.name());
                since.push(at);
            }
            None => {
                losers.push(account);
                lost.push(role.name());
            }
        }
    }
    if !accounts.is_empty() {
        sqlx::query(
            "insert into roles (account, role, granted_at)
             select * from unnest($1::uuid[], $2::text[], $3::timestamptz[])
             on conflict (account, role) do update set granted_at = excluded.granted_at",
        )
        .bind(&accounts)
        .bind(&names)
        .bind(&since)
        .execute(&mut *tx)
        .await?;
    }
    if !losers.is_empty() {
        sqlx::query(
            "delete from roles
              where (account, role) in (select * from unnest($1::uuid[], $2::text[]))",
        )
        .bind(&losers)
        .bind(&lost)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
