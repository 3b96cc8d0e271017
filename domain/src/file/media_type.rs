use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of a file's beginning tells what it is.
pub const HEAD_BYTES: usize = 1024;

/// What can be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MediaType {
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/gif")]
    Gif,
    #[serde(rename = "image/webp")]
    Webp,
    #[serde(rename = "image/avif")]
    Avif,
    #[serde(rename = "image/svg+xml")]
    Svg,
    #[serde(rename = "application/pdf")]
    Pdf,
    #[serde(rename = "text/html")]
    Html,
    #[serde(rename = "text/markdown")]
    Markdown,
    /// Subtitles of a video.
    #[serde(rename = "text/vtt")]
    WebVtt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("files are PNG, JPEG, GIF, WebP, AVIF, SVG, PDF, HTML, Markdown or WebVTT")]
pub struct MediaTypeError;

impl MediaType {
    pub const ALL: [Self; 10] = [
        Self::Png,
        Self::Jpeg,
        Self::Gif,
        Self::Webp,
        Self::Avif,
        Self::Svg,
        Self::Pdf,
        Self::Html,
        Self::Markdown,
        Self::WebVtt,
    ];

    /// As in a Content-Type, without parameters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Svg => "image/svg+xml",
            Self::Pdf => "application/pdf",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
            Self::WebVtt => "text/vtt",
        }
    }

    pub fn is_image(self) -> bool {
        self.name().starts_with("image/")
    }

    /// Written in UTF-8.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Svg | Self::Html | Self::Markdown | Self::WebVtt)
    }

    /// A browser that opens it would run what scripts it has.
    pub const fn may_have_scripts(self) -> bool {
        matches!(self, Self::Svg | Self::Html)
    }

    /// Whether content that begins so can be of this type; `head` has its first [`HEAD_BYTES`].
    pub fn fits(self, head: &[u8]) -> bool {
        let is_box_of =
            |brand: &[u8]| head.get(4..8) == Some(b"ftyp") && head[8..].starts_with(brand);
        match self {
            Self::Png => head.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Jpeg => head.starts_with(b"\xff\xd8\xff"),
            Self::Gif => head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a"),
            Self::Webp => head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP"),
            Self::Avif => is_box_of(b"avif") || is_box_of(b"avis"),
            Self::Pdf => head.starts_with(b"%PDF-"),
            Self::Svg => text(head).is_some_and(|text| {
                let text = text.trim_start();
                text.starts_with('<') && text.contains("<svg")
            }),
            Self::Html => text(head).is_some_and(|text| text.trim_start().starts_with('<')),
            Self::Markdown => text(head).is_some_and(|text| !text.is_empty()),
            Self::WebVtt => text(head).is_some_and(|text| {
                let rest = text.strip_prefix("WEBVTT");
                rest.is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r'])
                })
            }),
        }
    }
}

/// The beginning as text without its mark of byte order. None if it is not UTF-8, or has control
/// characters that no text has.
fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character may be cut at the end.
        Err(error) if error.error_len().is_none() && head.len() == HEAD_BYTES => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    if text.contains(is_odd) { None } else { Some(text.strip_prefix('\u{feff}').unwrap_or(text)) }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    /// Parameters such as `charset` are passed over.
    fn from_str(text: &str) -> Result<Self, MediaTypeError> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        let known = Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(essence));
        known.ok_or(MediaTypeError)
    }
}
