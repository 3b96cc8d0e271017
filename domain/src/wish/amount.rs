//! Amounts of money in a wish: in figures or in words, with or without a currency.

use super::among;

/// More than any price: 10 trillion.
const DIGITS_MAX: usize = 13;
const HUNDRED: i64 = 100;
const THOUSAND: i64 = 1_000;
/// From one on.
const ONES: &str = "one two three four five six seven eight nine ten eleven twelve thirteen \
                    fourteen fifteen sixteen seventeen eighteen nineteen";
/// From twenty on.
const TENS: &str = "twenty thirty forty fifty sixty seventy eighty ninety";
/// Words of one number.
const NUMBER_WORDS_MAX: usize = 8;
/// What makes figures before it more than they say.
const MULTIPLES: [&str; 5] = ["hundred", "thousand", "million", "k", "m"];

pub(super) const CURRENCIES: [(&str, &[&str]); 4] = [
    ("GBP", &["£", "pound", "pounds", "quid", "gbp"]),
    ("EUR", &["€", "euro", "euros", "eur"]),
    ("USD", &["$", "dollar", "dollars", "usd", "bucks"]),
    ("JPY", &["¥", "yen", "jpy"]),
];

pub(super) struct Amount {
    pub hundredths: i64,
    pub currency: Option<&'static str>,
    /// How many words say it.
    pub said: usize,
}

pub(super) fn amount(words: &[String]) -> Option<Amount> {
    let before = among(words.first()?, &CURRENCIES);
    let at = usize::from(before.is_some());
    let (hundredths, said) = match hundredths(words.get(at)?) {
        Some(hundredths) => (hundredths, 1),
        None => in_words(&words[at..])?,
    };
    let mut rest = words[at + said..].iter();
    let next = rest.next().map_or("", String::as_str);
    if MULTIPLES.contains(&next) {
        return None;
    }
    // In "2 £5 vouchers" the sign belongs to what follows.
    let is_of_next = next.starts_with(is_sign)
        && rest.next().is_some_and(|word| self::hundredths(word).is_some());
    let after = among(next, &CURRENCIES).filter(|_| before.is_none() && !is_of_next);
    let said = at + said + usize::from(after.is_some());
    Some(Amount { hundredths, currency: before.or(after), said })
}

pub(super) fn is_sign(character: char) -> bool {
    matches!(character, '£' | '€' | '$' | '¥')
}

/// "Twenty-five", "a hundred", "two thousand three hundred and fifty".
fn in_words(words: &[String]) -> Option<(i64, usize)> {
    let an = usize::from(words[0] == "a");
    let (mut thousands, mut number, mut said) = (0, 0_i64, an);
    while said < NUMBER_WORDS_MAX {
        let is_and = words.get(said).is_some_and(|word| word == "and");
        let skipped = usize::from(is_and && (number >= HUNDRED || thousands > 0));
        let Some(parts) = words.get(said + skipped).and_then(|word| numbers(word)) else { break };
        // "Between one hundred and two hundred" is two of them.
        if skipped > 0 && words.get(said + 2).is_some_and(|word| MULTIPLES.contains(&word.as_str()))
        {
            break;
        }
        for part in parts {
            match part {
                HUNDRED => number = number.max(1).checked_mul(part)?,
                THOUSAND => (thousands, number) = (number.max(1).checked_mul(part)?, 0),
                _ => number = number.checked_add(part)?,
            }
        }
        said += skipped + 1;
    }
    let number = number.checked_add(thousands)?;
    let is_said = number > 0 && (an == 0 || number >= HUNDRED);
    Some((number.checked_mul(HUNDRED)?, said)).filter(|_| is_said)
}

fn numbers(word: &str) -> Option<Vec<i64>> {
    let place = |names: &str, part: &str| names.split(' ').position(|name| name == part);
    let number = |part: &str| match (place(ONES, part), place(TENS, part), part) {
        (Some(place), _, _) => i64::try_from(place + 1).ok(),
        (_, Some(place), _) => i64::try_from(10 * (place + 2)).ok(),
        (_, _, "hundred") => Some(HUNDRED),
        (_, _, "thousand") => Some(THOUSAND),
        _ => None,
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
