//! Text with bounds, so that nothing endless or unprintable gets into the log.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {0} bytes of UTF-8")]
    TooLong(usize),
    #[error("must not contain control characters")]
    Control,
}

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $bytes_max:expr, $tidy:expr) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("minLength" = 1, "maxLength" = Self::BYTES_MAX))]
        pub struct $name(String);

        impl $name {
            /// The limit counts bytes, because that is what the log's limit on events counts.
            pub const BYTES_MAX: usize = $bytes_max;

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                let tidy: fn(&str) -> String = $tidy;
                checked(tidy(text), Self::BYTES_MAX).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bounded! {
    /// A title: one line, whitespace collapsed.
    Title, 2_000, one_line
}
bounded! {
    /// The name of a person, a publisher, a product: one line, whitespace collapsed.
    Name, 400, one_line
}
bounded! {
    /// A genre, skill, topic, category or tag: one short line, lower case.
    Tag, 100, |text| one_line(text).to_lowercase()
}
bounded! {
    /// What somebody else's system calls a thing of ours: one short line.
    Reference, 200, one_line
}
bounded! {
    /// A description or a reason: several lines, trimmed.
    Text, 20_000, |text| text.trim().to_owned()
}
bounded! {
    /// The text of a lesson, in Markdown. JSON may double it, and an event has 256 KiB at most.
    Markdown, 120_000, |text| text.trim().to_owned()
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn checked(text: String, bytes_max: usize) -> Result<String, TextError> {
    if text.is_empty() {
        Err(TextError::Empty)
    } else if text.len() > bytes_max {
        Err(TextError::TooLong(bytes_max))
    } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Err(TextError::Control)
    } else {
        Ok(text)
    }
}

/// Where a picture or a page is: an absolute http or https address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^https?://[^/]", "maxLength" = Self::BYTES_MAX))]
pub struct WebAddress(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an absolute http or https address of at most {} bytes", WebAddress::BYTES_MAX)]
pub struct WebAddressError;

impl WebAddress {
    pub const BYTES_MAX: usize = 2_000;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebAddress {
    type Error = WebAddressError;

    fn try_from(text: String) -> Result<Self, WebAddressError> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let sound = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
            && text.len() <= Self::BYTES_MAX
            && !text.chars().any(|c| c.is_control() || c.is_whitespace() || "\"<>\\".contains(c));
        if sound { Ok(Self(text)) } else { Err(WebAddressError) }
    }
}

impl FromStr for WebAddress {
    type Err = WebAddressError;

    fn from_str(text: &str) -> Result<Self, WebAddressError> {
        text.trim().to_owned().try_into()
    }
}

impl From<WebAddress> for String {
    fn from(address: WebAddress) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line() {
        assert_eq!(
            "  War\n and\tPeace ".parse::<Title>().map(String::from),
            Ok("War and Peace".into())
        );
    }

    #[test]
    fn a_tag_is_lower_case() {
        assert_eq!(
            "Science  Fiction".parse::<Tag>().map(String::from),
            Ok("science fiction".into())
        );
    }

    #[test]
    fn empty_endless_and_unprintable_text_is_refused() {
        assert_eq!(" \n".parse::<Text>(), Err(TextError::Empty));
        assert_eq!("é".repeat(201).parse::<Name>(), Err(TextError::TooLong(400)));
        assert_eq!("a\u{0}b".parse::<Name>(), Err(TextError::Control));
    }

    #[test]
    fn an_address_is_absolute() {
        assert!("https://example.org/cover.jpg".parse::<WebAddress>().is_ok());
        for text in
            ["", "example.org", "javascript:alert(1)", "https://", "https:///x", "http://a b"]
        {
            assert_eq!(text.parse::<WebAddress>(), Err(WebAddressError), "{text:?}");
        }
    }
}
