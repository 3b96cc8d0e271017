//! What there is to read in attached files, as Markdown; once for each content.
//!
//! HTML and PDF were written by programs of others, perhaps to do harm: they are read by a program of
//! its own, with little memory and time and no environment, whose death harms nobody.

mod apart;
mod html;
mod pdf;
mod vtt;

use std::path::PathBuf;

use blobstore::{BlobError, Blobs, Content as Bytes};
use domain::file::{Content, MediaType};
use futures::TryStreamExt;
use sqlx::PgPool;

use crate::failure::{Failure, in_time};
pub use apart::read_apart;

/// The text of one file: a thick book.
const TEXT_BYTES_MAX: usize = 4_000_000;

/// Why there is nothing to read in a file, for whoever attached it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("it is not text in UTF-8")]
    NotText,
    #[error("it has more than {} MB of text", TEXT_BYTES_MAX / 1_000_000)]
    TooLong,
    #[error("it is encrypted")]
    Encrypted,
    #[error("it is broken: {0}")]
    Broken(String),
    #[error("it takes too much memory or time to read, or it is broken")]
    TooMuch,
    #[error("nobody here reads {0}")]
    Unknown(&'static str),
}

/// Reads attached files.
#[derive(Clone)]
pub struct Extractor {
    blobs: Blobs,
    program: PathBuf,
}

impl Extractor {
    /// `program extract-text <media type>` is what calls [`read_apart`].
    pub fn new(blobs: Blobs, program: PathBuf) -> Self {
        Self { blobs, program }
    }

    /// Images have nothing to read.
    pub(crate) const fn reads(media_type: MediaType) -> bool {
        use MediaType::{Html, Markdown, Pdf, WebVtt};
        matches!(media_type, Html | Markdown | Pdf | WebVtt)
    }

    /// The text of the content. A reason that lasts is one that whoever attached it understands.
    pub(crate) async fn text_of(&self, pool: &PgPool, of: &Content) -> Result<String, Failure> {
        let file = of.sha256.as_str();
        let known = sqlx::query_scalar("select text from processes.extracts where file = $1")
            .bind(file)
            .fetch_optional(pool);
        if let Some(text) = in_time(known).await? {
            return Ok(text);
        }
        let text = self.read(of).await?;
        let insert = "insert into processes.extracts (file, text) values ($1, $2)
                      on conflict do nothing";
        in_time(sqlx::query(insert).bind(file).bind(&text).execute(pool)).await?;
        Ok(text)
    }

    async fn read(&self, of: &Content) -> Result<String, Failure> {
        let bytes = self.blobs.open(&of.sha256, 0..of.size.bytes()).await?;
        let bytes = bytes.ok_or_else(|| Failure::passing("its content is not there"))?;
        match of.media_type {
            MediaType::Html | MediaType::Pdf => {
                apart::read_by(&self.program, of.media_type, bytes).await
            }
            kind => Ok(markdown(kind, collect(bytes).await?).map_err(Failure::lasting)?),
        }
    }
}

/// Content that is text itself.
async fn collect(mut bytes: Bytes) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    while let Some(some) = bytes.try_next().await? {
        if all.len() + some.len() > TEXT_BYTES_MAX {
            return Err(Failure::lasting(Unreadable::TooLong));
        }
        all.extend_from_slice(&some);
    }
    Ok(all)
}

impl From<BlobError> for Failure {
    fn from(error: BlobError) -> Self {
        Self::passing(error)
    }
}

fn markdown(media_type: MediaType, content: Vec<u8>) -> Result<String, Unreadable> {
    let text = |content| String::from_utf8(content).map_err(|_| Unreadable::NotText);
    let markdown = match media_type {
        MediaType::Markdown => text(content)?,
        MediaType::WebVtt => vtt::spoken(&text(content)?),
        MediaType::Html => html::markdown(&text(content)?)?,
        MediaType::Pdf => pdf::text(&content)?,
        kind => return Err(Unreadable::Unknown(kind.name())),
    };
    match markdown.len() {
        0..=TEXT_BYTES_MAX => Ok(tidy(&markdown)),
        _ => Err(Unreadable::TooLong),
    }
}

/// Without control characters, which tables refuse, and without what surrounds the text.
fn tidy(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{c}'], "\n");
    let kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.trim_start_matches('\u{feff}').trim().chars().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: MediaType, content: &str) -> Result<String, String> {
        markdown(kind, content.as_bytes().to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn markdown_stays_as_it_is_but_for_what_no_table_takes() {
        let text = read(MediaType::Markdown, "\u{feff}# Ledger\r\n\r\nLeft\0 and *right*.\r\n\n");
        assert_eq!(text.as_deref(), Ok("# Ledger\n\nLeft and *right*."));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let why = |kind, content: Vec<u8>| markdown(kind, content).map_err(|it| it.to_string());
        let latin = why(MediaType::Html, b"<p>caf\xe9</p>".to_vec());
        assert_eq!(latin, Err("it is not text in UTF-8".to_owned()));
        let long = why(MediaType::Markdown, vec![b'a'; TEXT_BYTES_MAX + 1]);
        assert_eq!(long, Err("it has more than 4 MB of text".to_owned()));
        let image = why(MediaType::Png, vec![]);
        assert_eq!(image, Err("nobody here reads image/png".to_owned()));
    }
}
