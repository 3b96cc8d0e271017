use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MediaType;

/// What a file holds, as far as events tell: enough to find it, and to know that it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FileContent")]
pub struct Content {
    pub media_type: MediaType,
    pub size: Size,
    pub sha256: Sha256,
}

/// The SHA-256 of some content: 64 hexadecimal digits in lower case.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(rename = "ContentHash", extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct Sha256(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is written as 64 hexadecimal digits in lower case")]
pub struct Sha256Error;

impl Sha256 {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<[u8; 32]> for Sha256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl TryFrom<String> for Sha256 {
    type Error = Sha256Error;

    fn try_from(text: String) -> Result<Self, Sha256Error> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let sound = text.len() == 64 && text.bytes().all(is_digit);
        if sound { Ok(Self(text)) } else { Err(Sha256Error) }
    }
}

impl FromStr for Sha256 {
    type Err = Sha256Error;

    fn from_str(text: &str) -> Result<Self, Sha256Error> {
        text.to_owned().try_into()
    }
}

impl From<Sha256> for String {
    fn from(hash: Sha256) -> Self {
        hash.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many bytes: at least one, at most 64 MiB.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(rename = "FileSize", extend("minimum" = 1, "maximum" = Self::BYTES_MAX))]
pub struct Size(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file has 1 to {max} bytes, not {0}", max = Size::BYTES_MAX)]
pub struct SizeError(u64);

impl Size {
    pub const BYTES_MAX: u64 = 64 * 1024 * 1024;

    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Size {
    type Error = SizeError;

    fn try_from(bytes: u64) -> Result<Self, SizeError> {
        match bytes {
            1..=Self::BYTES_MAX => Ok(Self(bytes)),
            _ => Err(SizeError(bytes)),
        }
    }
}

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}
