//! What a wish in plain English says in so many words: a price, a kind, whom it is for. The rest is for
//! those who look for words and meaning.

mod amount;

use crate::ItemKind;
use amount::{Amount, CURRENCIES, amount, is_sign};

/// Words of a wish that are read.
const WORDS_MAX: usize = 60;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wish {
    /// In minor units, both included.
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub currency: Option<&'static str>,
    pub kind: Option<ItemKind>,
    pub audience: Option<&'static str>,
    /// What was not understood, in its order, without how wishes begin.
    pub rest: Vec<String>,
}

const AT_MOST: [&[&str]; 11] = [
    &["cheaper", "than"],
    &["less", "than"],
    &["no", "more", "than"],
    &["not", "more", "than"],
    &["not", "over"],
    &["up", "to"],
    &["at", "most"],
    &["under"],
    &["below"],
    &["max"],
    &["maximum"],
];
const AT_LEAST: [&[&str]; 6] =
    [&["more", "than"], &["at", "least"], &["over"], &["above"], &["minimum"], &["from"]];
const BETWEEN: [&[&str]; 2] = [&["between"], &["from"]];
const OR_LESS: [&[&str]; 3] = [&["or", "less"], &["or", "under"], &["or", "cheaper"]];
const OR_MORE: [&[&str]; 4] = [&["or", "more"], &["or", "over"], &["and", "up"], &["and", "over"]];
/// An amount without a currency is a price if it is a limit and the wish ends there or goes on with
/// one of these, unless it is one of years of age.
const AFTER_AN_AMOUNT: [&str; 8] = ["for", "and", "in", "with", "that", "to", "or", "please"];

const AGES: [&str; 3] = ["age", "ages", "aged"];

const KINDS: [(ItemKind, &[&str]); 3] = [
    (ItemKind::Book, &["book", "books", "novel", "novels"]),
    (ItemKind::Course, &["course", "courses", "class", "classes"]),
    (ItemKind::Product, &["product", "products"]),
];
const AUDIENCES: [(&str, &[&str]); 3] = [
    ("kids", &["kid", "kids", "child", "children", "childrens", "toddler", "toddlers"]),
    ("teens", &["teen", "teens", "teenager", "teenagers"]),
    ("adults", &["adult", "adults", "grown-ups"]),
];
/// Between "for" and whom it is for.
const WHOSE: [&str; 7] = ["my", "our", "the", "a", "young", "small", "little"];
/// What people begin a wish with, as [`words`] gives it.
const BEGINNINGS: [&str; 19] = [
    "something",
    "anything",
    "i",
    "id",
    "like",
    "want",
    "need",
    "looking",
    "look",
    "for",
    "a",
    "an",
    "some",
    "show",
    "me",
    "find",
    "please",
    "give",
    "the",
];

impl Wish {
    pub fn of(text: &str) -> Self {
        let all = words(text);
        let mut words = all.as_slice();
        let mut wish = Self::default();
        while let Some(first) = words.first() {
            let understood =
                wish.price(words).or_else(|| wish.whom(words)).or_else(|| wish.what(first));
            if understood.is_none() {
                wish.rest.push(first.clone());
            }
            words = &words[understood.unwrap_or(1)..];
        }
        let begins = wish.rest.iter().take_while(|word| BEGINNINGS.contains(&word.as_str()));
        wish.rest.drain(..begins.count());
        wish
    }

    pub fn is_understood(&self) -> bool {
        *self != Self { rest: self.rest.clone(), ..Self::default() }
    }

    /// What is looked for by meaning.
    pub fn meant(&self) -> String {
        match self.kind {
            Some(kind) if self.rest.is_empty() => kind.name().to_owned(),
            _ => self.rest.join(" "),
        }
    }

    pub fn has_price(&self) -> bool {
        self.price_min.is_some() || self.price_max.is_some()
    }

    /// How many words say a price, if the next ones do.
    fn price(&mut self, words: &[String]) -> Option<usize> {
        if self.has_price() {
            return None;
        }
        let is_for = self.rest.last().is_some_and(|before| before == "for");
        let Bounds { least, most, currency, taken } =
            between(words).or_else(|| at_least(words)).or_else(|| at_most(words, is_for))?;
        let ends = words.get(taken).is_none_or(|next| AFTER_AN_AMOUNT.contains(&next.as_str()));
        // "For kids under 5" says how old they are.
        let is_age = self.audience.is_some()
            || self.rest.last().is_some_and(|before| AGES.contains(&before.as_str()));
        if currency.is_none() && (most.is_none() || !ends || is_age) {
            return None;
        }
        let minor =
            |hundredths: i64| if currency == Some("JPY") { hundredths / 100 } else { hundredths };
        (self.price_min, self.price_max) = (least.map(minor), most.map(minor));
        self.currency = currency;
        self.rest.pop_if(|_| is_for);
        Some(taken)
    }

    /// "For my kids", or "kids books".
    fn whom(&mut self, words: &[String]) -> Option<usize> {
        if self.audience.is_some() {
            return None;
        }
        let is_for = words[0] == "for";
        let whose = words[usize::from(is_for)..].iter();
        let whose = whose.take_while(|word| WHOSE.contains(&word.as_str())).count();
        let at = if is_for { 1 + whose } else { 0 };
        let audience = among(words.get(at)?, &AUDIENCES)?;
        if !is_for && among(words.get(1)?, &KINDS).is_none() {
            return None;
        }
        self.audience = Some(audience);
        Some(at + 1)
    }

    fn what(&mut self, word: &str) -> Option<usize> {
        if self.kind.is_some() {
            return None;
        }
        self.kind = Some(among(word, &KINDS)?);
        Some(1)
    }
}

/// A price from, to, in which currency, and how many words said so; in hundredths.
struct Bounds {
    least: Option<i64>,
    most: Option<i64>,
    currency: Option<&'static str>,
    taken: usize,
}

/// "Between ... and ..."; without a word before, only "... to ...".
fn between(words: &[String]) -> Option<Bounds> {
    let before = starts(words, &BETWEEN);
    let taken = before.unwrap_or(0);
    let is_middle = |word: &String| word == "to" || (before.is_some() && word == "and");
    let middle = taken + words[taken..].iter().position(is_middle)?;
    let first = amount(&words[taken..middle]).filter(|first| taken + first.said == middle)?;
    let second = amount(&words[middle + 1..])?;
    // Two numbers alone may be years, ages or pages.
    let currency = Some(second.currency.or(first.currency)?);
    let (one, other) = (first.hundredths, second.hundredths);
    let (least, most) = (Some(one.min(other)), Some(one.max(other)));
    Some(Bounds { least, most, currency, taken: middle + 1 + second.said })
}

fn at_least(words: &[String]) -> Option<Bounds> {
    let before = starts(words, &AT_LEAST).unwrap_or(0);
    let Amount { hundredths, currency, said } = amount(&words[before..])?;
    let after = starts(&words[before + said..], &OR_MORE);
    if before == 0 && after.is_none() {
        return None;
    }
    let taken = before + said + after.unwrap_or(0);
    Some(Bounds { least: Some(hundredths), most: None, currency, taken })
}

/// "A lamp for 15 pounds" may cost less: there no more words are needed.
fn at_most(words: &[String], is_for: bool) -> Option<Bounds> {
    let before = starts(words, &AT_MOST).unwrap_or(0);
    let Amount { hundredths, currency, said } = amount(&words[before..])?;
    let next = &words[before + said..];
    let after = starts(next, &OR_LESS);
    // Five pounds of flour are no price.
    let is_weight = next.first().is_some_and(|next| next == "of");
    let is_paid = is_for && currency.is_some() && !is_weight;
    if before == 0 && after.is_none() && !is_paid {
        return None;
    }
    let taken = before + said + after.unwrap_or(0);
    Some(Bounds { least: None, most: Some(hundredths), currency, taken })
}

/// How many words the first of the phrases has that they start with.
fn starts(words: &[String], phrases: &[&[&str]]) -> Option<usize> {
    let starts = |phrase: &&&[&str]| {
        words.len() >= phrase.len() && phrase.iter().zip(words).all(|(one, word)| one == word)
    };
    phrases.iter().find(starts).map(|phrase| phrase.len())
}

fn among<T: Copy>(word: &str, names: &[(T, &[&str])]) -> Option<T> {
    names.iter().find(|(_, words)| words.contains(&word)).map(|(name, _)| *name)
}

/// In lower case; signs of currencies and what stands between two numbers are words of their own.
fn words(text: &str) -> Vec<String> {
    let mut spaced = String::new();
    let characters: Vec<char> = text.to_lowercase().chars().collect();
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| characters[at]);
        let is_between = |fits: fn(char) -> bool| {
            before.is_some_and(fits) && characters.get(at + 1).is_some_and(|after| fits(*after))
        };
        let is_digit: fn(char) -> bool = |c| c.is_ascii_digit();
        match character {
            sign if is_sign(*sign) => spaced.extend([' ', *sign, ' ']),
            '-' | '–' if is_range(&characters, at) => spaced.push_str(" to "),
            '+' if before.is_some_and(is_digit) => spaced.push_str(" or more "),
            '-' if is_between(char::is_alphanumeric) => spaced.push('-'),
            '.' if is_between(is_digit) => spaced.push('.'),
            ',' if is_between(is_digit) => {}
            '\'' | '’' => {}
            character if character.is_alphanumeric() => {
                let starts_unit = character.is_alphabetic() && before.is_some_and(is_digit);
                let unit: String =
                    characters[at..].iter().take_while(|c| c.is_alphanumeric()).collect();
                if starts_unit && among(&unit, &CURRENCIES).is_some() {
                    spaced.push(' ');
                }
                spaced.push(*character);
            }
            _ => spaced.push(' '),
        }
    }
    spaced.split_whitespace().take(WORDS_MAX).map(str::to_owned).collect()
}

/// Whether what stands there is between two amounts, spaces or not.
fn is_range(characters: &[char], at: usize) -> bool {
    let is_of_amount = |c: &char| c.is_ascii_digit() || is_sign(*c);
    let no_space = |c: &&char| !c.is_whitespace();
    characters[..at].iter().rfind(no_space).is_some_and(is_of_amount)
        && characters[at + 1..].iter().find(no_space).is_some_and(is_of_amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> (Option<i64>, Option<i64>, Option<&'static str>) {
        let wish = Wish::of(text);
        (wish.price_min, wish.price_max, wish.currency)
    }

    #[test]
    fn a_wish_says_a_price_and_what_it_is_for() {
        let wish = Wish::of("Something warm for winter under 50 pounds");
        let (currency, price_max) = (Some("GBP"), Some(5_000));
        let rest = ["warm", "for", "winter"].map(str::to_owned).into();
        assert_eq!(wish, Wish { price_max, currency, rest, ..Wish::default() });
    }

    #[test]
    fn prices_are_said_in_many_ways() {
        for (text, expected) in [
            ("cheaper than £30", (None, Some(3_000), Some("GBP"))),
            ("a lamp for up to 29.99 euros", (None, Some(2_999), Some("EUR"))),
            ("a lamp, €1,250 or less", (None, Some(125_000), Some("EUR"))),
            ("between 10 and 20 euros", (Some(1_000), Some(2_000), Some("EUR"))),
            ("£10-20 candles", (Some(1_000), Some(2_000), Some("GBP"))),
            ("from 5 to 10 dollars", (Some(500), Some(1_000), Some("USD"))),
            ("at least 100gbp", (Some(10_000), None, Some("GBP"))),
            ("a fan under 3000 yen", (None, Some(3_000), Some("JPY"))),
            ("a gift under 20 for ada", (None, Some(2_000), None)),
            ("under 20", (None, Some(2_000), None)),
            ("Do you have lanterns under £25?", (None, Some(2_500), Some("GBP"))),
            ("anything for less than 19.99?", (None, Some(1_999), None)),
            ("a lamp for £15", (None, Some(1_500), Some("GBP"))),
            ("a lamp for £20 or more", (Some(2_000), None, Some("GBP"))),
            ("lamps, £20+", (Some(2_000), None, Some("GBP"))),
            ("a lamp, 20 pounds and up", (Some(2_000), None, Some("GBP"))),
            ("lamps £15-£20", (Some(1_500), Some(2_000), Some("GBP"))),
            ("lamps £15 – 20", (Some(1_500), Some(2_000), Some("GBP"))),
            ("15€-20€ lamps", (Some(1_500), Some(2_000), Some("EUR"))),
            ("a lamp for twenty-five pounds", (None, Some(2_500), Some("GBP"))),
            ("under a hundred and fifty euros", (None, Some(15_000), Some("EUR"))),
            ("more than a hundred fifty dollars", (Some(15_000), None, Some("USD"))),
            ("for two thousand three hundred pounds", (None, Some(230_000), Some("GBP"))),
            ("between £20 and £10", (Some(1_000), Some(2_000), Some("GBP"))),
            ("between fifty and two hundred dollars", (Some(5_000), Some(20_000), Some("USD"))),
            ("fahrenheit 451 for £10", (None, Some(1_000), Some("GBP"))),
        ] {
            assert_eq!(price(text), expected, "{text}");
        }
    }

    #[test]
    fn what_it_is_paid_for_stays() {
        assert_eq!(Wish::of("a lamp for £15").rest, ["lamp"]);
        assert_eq!(Wish::of("for £15 a lamp for winter").rest, ["lamp", "for", "winter"]);
        for many in ["hundred", "nine-hundred-ninety", "ninety-thousand"] {
            let many = format!("under {}", format!("{many} ").repeat(20));
            assert!(!Wish::of(&(many + "pounds")).has_price());
        }
    }

    #[test]
    fn not_every_number_is_a_price() {
        for text in [
            "catch 22",
            "a lantern for 20 people",
            "something under the tree",
            "under 300 pages",
            "more than 20 recipes",
            "for kids under 5",
            "between two fires",
            "europe 1914-1918",
            "between 1914 and 1918",
            "from 1914 to 1918",
            "stories for ages 3-5",
            "stories for ages under 5",
            "fahrenheit 451 or 1984",
            "under 99999999999999999999 pounds",
            "a sack for five pounds of flour",
            "how to lose 20 pounds",
            "the $100 startup",
            "warmer: the £30 scarf or the £50 coat",
            "a laptop for £2 thousand",
            "under",
            "£",
        ] {
            assert_eq!(price(text), (None, None, None), "{text}");
        }
    }

    #[test]
    fn kinds_and_people_are_understood() {
        for (text, kind, audience, rest) in [
            ("fantasy books for my small children", Some(ItemKind::Book), Some("kids"), "fantasy"),
            ("kids' books about whales", Some(ItemKind::Book), Some("kids"), "about whales"),
            ("a course on rust for teenagers", Some(ItemKind::Course), Some("teens"), "on rust"),
            ("the children of men", None, None, "children of men"),
            ("whale", None, None, "whale"),
        ] {
            let wish = Wish::of(text);
            assert_eq!((wish.kind, wish.audience), (kind, audience), "{text}");
            assert_eq!(wish.rest.join(" "), rest, "{text}");
        }
        assert!(!Wish::of("the whale").is_understood());
        assert_eq!(Wish::of("I'd like a whale").rest, ["whale"]);
    }
}
