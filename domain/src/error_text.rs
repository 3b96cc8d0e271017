use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a server or a program of ours said went wrong, cut to a length.
///
/// An error stays where it is for ever, and mail servers like to repeat the address that they
/// refuse: addresses and telephone numbers are withheld.
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
        let plain: String = text.chars().filter(|c| !c.is_control()).collect();
        Self(without_contacts(&plain).chars().take(Self::CHARS_MAX).collect())
    }
}

impl From<ErrorText> for String {
    fn from(text: ErrorText) -> Self {
        text.0
    }
}

fn without_contacts(text: &str) -> String {
    // No address has these outside of quotes, which `Email` does not take.
    let ends_word = |c: char| c.is_whitespace() || "<>()[],;:\"".contains(c);
    let mut plain = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        plain.push_str(match word {
            _ if word.contains('@') || word.contains("%40") => "(address)",
            _ if is_phone(word) => "(number)",
            _ => word,
        });
        plain.push_str(&piece[word.len()..]);
    }
    plain
}

/// At least as many digits as the shortest number has. Dots are those of machines' addresses,
/// dashes without a plus those of dates.
fn is_phone(word: &str) -> bool {
    const DIGITS_MIN: usize = 7;
    let word = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '+');
    let digits = match word.strip_prefix('+') {
        Some(international) => international.replace('-', ""),
        None => word.to_owned(),
    };
    digits.len() >= DIGITS_MIN && digits.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_server_names_is_withheld_and_the_rest_stays() {
        for (said, kept) in [
            ("550 5.1.1 <ada@example.org>: rejected", "550 5.1.1 <(address)>: rejected"),
            ("no such user: 'Ada.O'Neil+x@Exämple.org'.", "no such user: (address)"),
            ("mailto:ada%40example.org is unknown", "mailto:(address) is unknown"),
            ("the number +442071234567 cannot be reached", "the number (number) cannot be reached"),
            ("'+44-20-7123-4567', 00442071234567!", "(number), (number)"),
            (
                "192.168.100.200:2525 refused on 2026-01-31",
                "192.168.100.200:2525 refused on 2026-01-31",
            ),
            (
                "550 5.7.1 after 12000 ms, order ORD-20260131-000123",
                "550 5.7.1 after 12000 ms, order ORD-20260131-000123",
            ),
        ] {
            assert_eq!(ErrorText::from(said.to_owned()).as_str(), kept);
        }
    }

    #[test]
    fn what_is_cut_off_in_the_middle_of_an_address_shows_none_of_it() {
        let said = format!("{} ada@example.org", "x".repeat(ErrorText::CHARS_MAX - 5));
        let kept = ErrorText::from(said);
        assert!(kept.as_str().ends_with("x (add"), "{}", kept.as_str());
        assert_eq!(ErrorText::from(kept.as_str().to_owned()), kept);
    }
}
