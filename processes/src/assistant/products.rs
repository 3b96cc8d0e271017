//! The products of the shop that a question may be about.

use domain::conversation::Citation;
use domain::{Currency, Money, ProductId, Text};
use eventstore::Log;
use sqlx::FromRow;
use uuid::Uuid;

use super::source::Source;
use crate::failure::{Failure, in_time};

/// Products that are looked at closely.
const CANDIDATES_MAX: i64 = 50;
/// Words of a question that are looked for.
const WORDS_MAX: usize = 32;
/// What is quoted of a description.
const QUOTE_CHARS_MAX: usize = 300;

#[derive(Debug, FromRow)]
struct Product {
    product: Uuid,
    name: String,
    description: Option<String>,
    price_minor: i64,
    currency: String,
    category: Option<String>,
    tags: Vec<String>,
}

/// Those that are on sale, have one of its words and cost no more than it says.
pub(super) async fn for_question(log: &Log, question: &str) -> Result<Vec<Source>, Failure> {
    let words: Vec<&str> = words(question).take(WORDS_MAX).collect();
    let products: Vec<Product> = in_time(
        sqlx::query_as(
            "with asked as (
                 select to_tsquery('simple', $1) || to_tsquery('english', $1) as words)
             select product, name, description, price_minor, currency, category, tags
               from readmodel.products, asked
              where not discontinued and search @@ words
                and ($2::bigint is null or price_minor <= $2)
              order by ts_rank(search, words) desc, position desc limit $3",
        )
        .bind(words.join(" | "))
        .bind(price_limit(question))
        .bind(CANDIDATES_MAX)
        .fetch_all(log.pool()),
    )
    .await?;
    Ok(products.into_iter().filter_map(source).collect())
}

fn words(question: &str) -> impl Iterator<Item = &str> {
    let words = question.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.chars().all(char::is_numeric))
}

/// `under 20`, `less than £19.99`: in the smallest unit of the currency, whichever that is. What
/// was said last counts.
fn price_limit(question: &str) -> Option<i64> {
    const LIMITS: [&str; 6] = ["under", "below", "than", "most", "max", "maximum"];
    let words: Vec<String> = question.split_whitespace().map(str::to_lowercase).collect();
    words.windows(2).rev().find_map(|pair| {
        let amount = pair[1].trim_matches(|letter: char| !letter.is_ascii_digit());
        let amount: f64 = amount.parse().ok().filter(|_| LIMITS.contains(&&*pair[0]))?;
        (amount < 1e9).then_some((amount * 100.0).round() as i64)
    })
}

fn source(product: Product) -> Option<Source> {
    let Product { product, name, description, price_minor, currency, category, tags } = product;
    let currency: Currency = currency.parse().ok()?;
    let more: Vec<&str> = category.iter().chain(&tags).map(String::as_str).collect();
    let embedded = retrieval::about(&name, &more, description.as_deref());
    let quote: Option<Text> = description.as_deref().map(beginning).and_then(|it| it.parse().ok());
    Some(Source {
        words: embedded.clone(),
        embedded,
        quote: quote.as_ref().map(ToString::to_string).unwrap_or_default(),
        citation: Citation::Product {
            product: ProductId::new(product),
            name: name.parse().ok()?,
            price: Money::new(price_minor, currency).ok()?,
            quote,
        },
    })
}

/// The first sentences, or words, that are short enough.
fn beginning(description: &str) -> &str {
    let Some((limit, _)) = description.char_indices().nth(QUOTE_CHARS_MAX) else {
        return description;
    };
    let within = &description[..limit];
    let end = within.rfind(". ").map(|end| end + 1).or_else(|| within.rfind(' '));
    &within[..end.unwrap_or(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_that_is_not_to_be_exceeded_is_understood() {
        assert_eq!(price_limit("A lantern under £20, please"), Some(2_000));
        assert_eq!(price_limit("anything for less than 19.99?"), Some(1_999));
        assert_eq!(price_limit("at most 5 pounds"), Some(500));
        assert_eq!(price_limit("a lantern for 20 people"), None);
        assert_eq!(price_limit("something under the tree"), None);
    }

    #[test]
    fn a_long_description_is_quoted_up_to_the_end_of_a_sentence() {
        let long = format!("It is bright. {}", "It lasts for ever and a day ".repeat(20));
        assert_eq!(beginning(&long), "It is bright.");
        assert_eq!(beginning("It is bright. It lasts."), "It is bright. It lasts.");
        assert_eq!(beginning(&"é".repeat(400)).chars().count(), QUOTE_CHARS_MAX);
    }
}
