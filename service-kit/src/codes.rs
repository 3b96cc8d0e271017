//! Every problem code, what it means and whether to try again: the pages under `/problems/{code}`.

mod general;
mod slices;

use std::borrow::Cow;

/// One kind of problem. `about` and `retry` are whole sentences for the page.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    pub code: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    pub retry: &'static str,
}

const SAME: &str = "Trying the same again gives the same answer: change the request.";
const LATER: &str =
    "Nothing was done. Try again after the seconds in Retry-After, with the same Idempotency-Key.";
const STATE: &str = "The same request is refused until the state changes. \
                     The refusal is stored for its Idempotency-Key for 24 h: ask again with a new key.";
const LOG_IN: &str = "Log in or refresh the token, then try again.";

const fn code(
    code: &'static str,
    title: &'static str,
    about: &'static str,
    retry: &'static str,
) -> Code {
    Code { code, title, about, retry }
}

/// Every one, in alphabetical order.
pub fn all() -> Vec<&'static Code> {
    let mut all: Vec<_> = general::CODES.iter().chain(slices::CODES).collect();
    all.sort_unstable_by_key(|code| code.code);
    all
}

pub fn find(code: &str) -> Option<&'static Code> {
    general::CODES.iter().chain(slices::CODES).find(|known| known.code == code)
}

/// The title from the table, else the code in words.
pub(crate) fn title(code: &str) -> Cow<'static, str> {
    match find(code) {
        Some(known) => Cow::Borrowed(known.title),
        None => {
            let mut words = code.replace('-', " ");
            if let Some(first) = words.get_mut(0..1) {
                first.make_ascii_uppercase();
            }
            Cow::Owned(words)
        }
    }
}
