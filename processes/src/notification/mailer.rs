//! Mail over SMTP, with TLS where the address says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

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
use crate::outgoing::Breaker;

const CONNECT_MAX: Duration = Duration::from_secs(3);
/// The whole conversation: the client itself waits for an answer without an end.
const SEND_MAX: Duration = Duration::from_secs(10);

/// The reply of a server that is about to close, whoever it is asked for (RFC 5321).
const NOT_AVAILABLE: u16 = 421;

/// Sends letters by one server, unless it has failed too often lately. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    breaker: Arc<Breaker>,
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
    #[error("the mail server is not ready for letters")]
    Away,
    #[error("the mail server failed too often and is not asked for a while")]
    Open,
}

impl MailError {
    /// Trying again would meet the same answer.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Smtp(error) => error.is_permanent(),
            Self::Silence | Self::Away | Self::Open => false,
            Self::To(_) | Self::Letter(_) | Self::Server(_) | Self::From(_) => true,
        }
    }

    /// The server is at fault: any reply but one is about the letter or whom it is for.
    fn is_of_the_server(&self) -> bool {
        match self {
            Self::Smtp(error) => {
                let reply = error.status().map(u16::from);
                reply.map_or(!error.is_client(), |code| code == NOT_AVAILABLE)
            }
            Self::Silence | Self::Away => true,
            Self::Open | Self::To(_) | Self::Letter(_) | Self::Server(_) | Self::From(_) => false,
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
        let transport = transport.timeout(Some(CONNECT_MAX)).build();
        Ok(Self { transport, from, breaker: Arc::new(Breaker::new("mail")) })
    }

    /// Whether a server is there that would take letters; it gets none.
    pub async fn is_reachable(&self) -> Result<(), MailError> {
        let tried = tokio::time::timeout(SEND_MAX, self.transport.test_connection()).await;
        match tried.map_err(|_| MailError::Silence)?? {
            true => Ok(()),
            false => Err(MailError::Away),
        }
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
        if !self.breaker.admit(Instant::now()) {
            return Err(MailError::Open);
        }
        let sent = tokio::time::timeout(SEND_MAX, self.transport.send(message)).await;
        let sent = sent.map_err(|_| MailError::Silence).and_then(|sent| Ok(sent?));
        match &sent {
            Err(error) if error.is_of_the_server() => self.breaker.failed(Instant::now()),
            _ => self.breaker.succeeded(),
        }
        sent.map(drop)
    }
}

#[async_trait]
impl Carrier for Mailer {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn keeps_back_for(&self) -> Duration {
        self.breaker.keeps_back_for(Instant::now())
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that says this to everybody, and the way to it.
    async fn says(greeting: &'static str) -> Mailer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                tokio::spawn(async move {
                    caller.write_all(greeting.as_bytes()).await?;
                    caller.read_to_end(&mut Vec::new()).await
                });
            }
        });
        Mailer::new(&format!("smtp://127.0.0.1:{port}"), "no-reply@example.org").expect("it is one")
    }

    async fn sent(mailer: &Mailer) -> MailError {
        let to = "ada@example.org".parse().expect("it is an address");
        let (subject, text, id) = ("A test".to_owned(), "Well?".to_owned(), "1".to_owned());
        mailer.send(Letter { to, subject, text, id }).await.expect_err("nobody takes it")
    }

    #[tokio::test]
    async fn a_server_that_fails_too_often_is_left_alone() {
        let mailer = says("421 closing down\r\n").await;
        for _ in 0..5 {
            assert!(mailer.keeps_back_for().is_zero());
            assert!(matches!(sent(&mailer).await, MailError::Smtp(_)));
        }
        let error = sent(&mailer).await;
        assert!(matches!(error, MailError::Open) && !error.is_permanent(), "{error}");
        assert!(!mailer.keeps_back_for().is_zero());
    }

    #[tokio::test]
    async fn a_server_that_refuses_what_it_is_asked_for_is_asked_again() {
        let mailer = says("554 not from here\r\n").await;
        for _ in 0..7 {
            assert!(sent(&mailer).await.is_permanent());
        }
    }
}
