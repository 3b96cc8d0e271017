//! Whom to write to, where, and in which language: from the events of the account, opened.

use chrono::Utc;
use cqrs_es::Aggregate;
use domain::account::{Account, Channel, Event, Phone};
use domain::notification::{Message, NotificationId};
use domain::{AccountId, Email, Patch};
use eventstore::Log;

use crate::failure::Failure;

#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(super) account: AccountId,
    pub(super) email: Email,
    pub(super) phone: Option<Phone>,
    pub(super) name: String,
    /// A language tag; none: the first language we have.
    pub(super) language: Option<String>,
    channels: Option<Vec<Channel>>,
    is_active: bool,
}

impl Recipient {
    /// None for somebody who was erased, or never there; and for a letter that has become useless.
    pub(super) async fn of(
        log: &Log,
        notification: NotificationId,
        message: &Message,
    ) -> Result<Option<Self>, Failure> {
        let account = notification.recipient.to_string();
        let events = log.events_of::<Account>(&account).await?;
        let known = |events: &[Event]| events.iter().cloned().fold(None, Self::after);
        let recipient = known(&events);
        match message {
            // A thief who has changed the address is not whom it is for.
            Message::EmailChanged => {
                let change =
                    log.reader().range(notification.cause - 1, notification.cause, 1).await?;
                let change = change.first().map_or(0, |change| change.sequence);
                let earlier = usize::try_from(change - 1).unwrap_or_default();
                let email =
                    known(&events[..earlier.min(events.len())]).map(|earlier| earlier.email);
                Ok(recipient.zip(email).map(|(recipient, email)| Self { email, ..recipient }))
            }
            Message::PasswordReset { reset } => {
                let mut state = Account::default();
                events.into_iter().for_each(|event| state.apply(event));
                Ok(recipient.filter(|_| state.awaits(*reset, Utc::now())))
            }
            _ => Ok(recipient),
        }
    }

    /// Active, and has chosen this way, or none where it is by mail.
    pub(super) fn wants(&self, channel: Channel, message: &Message) -> bool {
        let by_mail = [Channel::Email];
        let chosen = match &self.channels {
            Some(channels) if !message.comes_by_mail() => channels.as_slice(),
            _ => &by_mail,
        };
        let has_phone = channel != Channel::Sms || self.phone.is_some();
        self.is_active && has_phone && chosen.contains(&channel)
    }

    fn after(known: Option<Self>, event: Event) -> Option<Self> {
        if let Event::AccountRegistered { account, email, display_name, .. } = &event {
            let name = display_name.known().map_or_else(String::new, ToString::to_string);
            let (phone, language, channels, is_active) = (None, None, None, true);
            let (account, email) = (*account, email.known()?.clone());
            return Some(Self { account, email, phone, name, language, channels, is_active });
        }
        let mut known = known?;
        match event {
            Event::ProfileChanged { changes, .. } => {
                if let Some(name) = changes.display_name {
                    known.name = name.known().map_or_else(String::new, ToString::to_string);
                }
                match changes.phone {
                    Patch::Set(phone) => known.phone = phone.known().cloned(),
                    Patch::Clear => known.phone = None,
                    Patch::Keep => {}
                }
                match changes.language {
                    Patch::Set(language) => known.language = Some(language.as_str().to_owned()),
                    Patch::Clear => known.language = None,
                    Patch::Keep => {}
                }
                known.channels = changes.channels.or(known.channels);
            }
            Event::EmailChanged { email, .. } => known.email = email.known()?.clone(),
            Event::AccountDeactivated { .. } => known.is_active = false,
            Event::AccountReactivated { .. } => known.is_active = true,
            Event::AccountErased { .. } => return None,
            Event::AccountRegistered { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordResetRequested { .. }
            | Event::RefreshReuseDetected { .. }
            | Event::ApiKeyCreated { .. }
            | Event::ApiKeyRevoked { .. }
            | Event::RoleGranted { .. }
            | Event::RoleRevoked { .. } => {}
        }
        Some(known)
    }
}

/// The accounts with a role, as the read model has them.
pub(super) async fn with_role(log: &Log, role: &str, most: i64) -> Result<Vec<AccountId>, Failure> {
    let accounts: Vec<uuid::Uuid> = sqlx::query_scalar(
        "select account from readmodel.roles where role = $1 order by account limit $2",
    )
    .bind(role)
    .bind(most)
    .fetch_all(log.pool())
    .await?;
    Ok(accounts.into_iter().map(AccountId::from).collect())
}
