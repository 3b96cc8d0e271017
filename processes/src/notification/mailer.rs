//! Mail over SMTP, with TLS where the address says so.

use std::time::Duration;

use async_trait::async_trait;
use domain::Email;
use domain::account::Channel;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::carrier::{Carrier, NotCarried};
use super::recipient::Recipient;
use super::words::Words;

const CONNECT_MAX: Duration = Duration::from_secs(3);
/// The whole conversation: the client itself waits for an answer without an end.
const SEND_MAX: Duration = Duration::from_secs(10);

/// Sends letters by one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// A letter in plain text.
#[derive(Debug, Clone)]
pub struct Letter {
    pub to: Email,
    pub subject: String,
    pub text: String,
    /// The same for the same letter, however often it is sent: letters, digits, dots and dashes.
    pub id: String,
}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("the setting smtp_url is no address of a mail server: {0}")]
    Server(smtp::Error),
    #[error("{0} is no address to send from")]
    From(String),
    #[error("there is no writing to this address: {0}")]
    To(#[from] lettre::address::AddressError),
    #[error("the letter cannot be written: {0}")]
    Letter(#[from] lettre::error::Error),
    #[error("{0}")]
    Smtp(#[from] smtp::Error),
    #[error("the mail server did not answer in {SEND_MAX:?}")]
    Silence,
}

impl MailError {
    /// Trying again would meet the same answer.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Smtp(error) => error.is_permanent(),
            Self::Silence => false,
            Self::To(_) | Self::Letter(_) | Self::Server(_) | Self::From(_) => true,
        }
    }
}

impl Mailer {
    /// `smtps://user:password@host` for TLS from the start, `smtp://host:587?tls=required` for
    /// STARTTLS, `smtp://host:25` for neither. `from` is an address, with a name if it likes:
    /// `Daybook <no-reply@example.org>`.
    pub fn new(url: &str, from: &str) -> Result<Self, MailError> {
        // The address itself may hold a password: it is not repeated.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        let transport = transport.map_err(MailError::Server)?;
        let from = from.parse().map_err(|_| MailError::From(from.to_owned()))?;
        Ok(Self { transport: transport.timeout(Some(CONNECT_MAX)).build(), from })
    }

    pub async fn send(&self, letter: Letter) -> Result<(), MailError> {
        let host = self.from.email.domain();
        let to = letter.to.as_str().parse::<Address>()?;
        let message = lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .message_id(Some(format!("<{}@{host}>", letter.id)))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)?;
        let sent = tokio::time::timeout(SEND_MAX, self.transport.send(message)).await;
        sent.map_err(|_| MailError::Silence)??;
        Ok(())
    }
}

#[async_trait]
impl Carrier for Mailer {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    async fn carry(&self, to: &Recipient, words: Words, id: &str) -> Result<(), NotCarried> {
        let (to, Words { subject, text }) = (to.email.clone(), words);
        let letter = Letter { to, subject, text, id: id.replace(':', ".") };
        self.send(letter).await.map_err(|error| NotCarried {
            said: error.to_string().into(),
            is_permanent: error.is_permanent(),
        })
    }
}
