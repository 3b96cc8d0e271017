//! Something that can be quoted.

use domain::Money;
use domain::conversation::Citation;

#[derive(Debug, Clone)]
pub(super) struct Source {
    /// What it is found by, by its words and its meaning: as whoever embeds it has it.
    pub(super) embedded: String,
    /// Word for word.
    pub(super) quote: String,
    pub(super) citation: Citation,
}

impl Source {
    /// As an answer of quotations shows it.
    pub(super) fn shown(&self) -> String {
        match &self.citation {
            Citation::Lesson { .. } => self.quote.clone(),
            Citation::Product { .. } if self.quote.is_empty() => self.place(),
            Citation::Product { .. } => format!("{}: {}", self.place(), self.quote),
        }
    }

    /// Where it is from, in words.
    pub(super) fn place(&self) -> String {
        match &self.citation {
            Citation::Lesson { title, headings, .. } => {
                let parts = std::iter::once(title).chain(headings).map(ToString::to_string);
                parts.collect::<Vec<_>>().join(" > ")
            }
            Citation::Product { name, price, .. } => format!("{name}, {}", amount(*price)),
        }
    }
}

fn amount(price: Money) -> String {
    let (whole, rest) = (price.minor() / 100, price.minor() % 100);
    format!("{whole}.{rest:02} {}", price.currency())
}
