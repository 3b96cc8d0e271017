use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a server or a program of ours said went wrong, cut to a length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(extend("maxLength" = Self::CHARS_MAX))]
pub struct ErrorText(String);

impl ErrorText {
    const CHARS_MAX: usize = 500;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ErrorText {
    fn from(text: String) -> Self {
        // Text of servers may hold what the log refuses.
        let plain = text.chars().filter(|c| !c.is_control()).take(Self::CHARS_MAX);
        Self(plain.collect())
    }
}

impl From<ErrorText> for String {
    fn from(text: ErrorText) -> Self {
        text.0
    }
}
