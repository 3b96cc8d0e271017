//! Amounts of money in a wish: in figures or in words, with or without a currency.

use super::among;

/// More than any price: 10 trillion.
const DIGITS_MAX: usize = 13;
const HUNDRED: i64 = 100;
/// From one on.
const ONES: &str = "one two three four five six seven eight nine ten eleven twelve thirteen \
                    fourteen fifteen sixteen seventeen eighteen nineteen";
/// From twenty on.
const TENS: &str = "twenty thirty forty fifty sixty seventy eighty ninety";

pub(super) const CURRENCIES: [(&str, &[&str]); 4] = [
    ("GBP", &["£", "pound", "pounds", "quid", "gbp"]),
    ("EUR", &["€", "euro", "euros", "eur"]),
    ("USD", &["$", "dollar", "dollars", "usd", "bucks"]),
    ("JPY", &["¥", "yen", "jpy"]),
];

/// Hundredths, the currency if it is said, and how many words say it.
pub(super) fn amount(words: &[String]) -> Option<(i64, Option<&'static str>, usize)> {
    let before = among(words.first()?, &CURRENCIES);
    let at = usize::from(before.is_some());
    let (hundredths, said) = match hundredths(words.get(at)?) {
        Some(hundredths) => (hundredths, 1),
        None => in_words(&words[at..])?,
    };
    let after = words.get(at + said).and_then(|word| among(word, &CURRENCIES));
    let after = after.filter(|_| before.is_none());
    Some((hundredths, before.or(after), at + said + usize::from(after.is_some())))
}

/// "Twenty-five", "two hundred", "a hundred".
fn in_words(words: &[String]) -> Option<(i64, usize)> {
    let an = usize::from(words[0] == "a");
    let (mut number, mut said) = (0, an);
    while let Some(parts) = words.get(said).and_then(|word| numbers(word)) {
        for part in parts {
            number = match part {
                HUNDRED => i64::max(number, 1).checked_mul(part)?,
                _ => number + part,
            };
        }
        said += 1;
    }
    let is_said = number > 0 && (an == 0 || number == HUNDRED);
    Some((number.checked_mul(HUNDRED)?, said)).filter(|_| is_said)
}

fn numbers(word: &str) -> Option<Vec<i64>> {
    let place = |names: &str, part: &str| names.split(' ').position(|name| name == part);
    let number = |part: &str| match (place(ONES, part), place(TENS, part)) {
        (Some(place), _) => i64::try_from(place + 1).ok(),
        (None, Some(place)) => i64::try_from(10 * (place + 2)).ok(),
        (None, None) => (part == "hundred").then_some(HUNDRED),
    };
    word.split('-').map(number).collect()
}

fn hundredths(word: &str) -> Option<i64> {
    let (whole, part) = word.split_once('.').unwrap_or((word, ""));
    if whole.is_empty() || whole.len() > DIGITS_MAX || part.len() > 2 {
        return None;
    }
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 100 + part)
}
