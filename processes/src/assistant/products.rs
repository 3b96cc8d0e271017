//! The products of the shop that a question may be about.

use std::collections::HashSet;

use domain::conversation::Citation;
use domain::{Currency, Money, ProductId, Text, Wish};
use eventstore::Log;
use retrieval::{TextModel, text_hash};
use sqlx::FromRow;
use uuid::Uuid;

use super::source::Source;
use crate::embedding::Embedding;
use crate::failure::{Failure, in_time};

/// Products that are looked at closely: so many that have the words, and as many that mean it.
const CANDIDATES_MAX: usize = 50;
/// Products that are compared with the question by their meaning, the newest first. Of 5,000 the
/// vectors are 8 MB, for a moment; those beyond are found by their words.
const MEANINGS_MAX: i64 = 5_000;
/// Words of a question that are looked for.
const WORDS_MAX: usize = 32;
/// What is quoted of a description.
const QUOTE_CHARS_MAX: usize = 300;

/// On sale, at a price that is wished for: from, to, in which currency.
const WISHED: &str = "not discontinued and ($1::bigint is null or price_minor >= $1)
                and ($2::bigint is null or price_minor <= $2)
                and ($3::text is null or currency = $3)";

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

/// Those that are on sale at a price that is wished for, and have one of the question's words or are
/// among those nearest to what it means besides the price.
pub(super) async fn for_question(
    log: &Log,
    meaning: &TextModel,
    question: &str,
    wish: &Wish,
) -> Result<Vec<Source>, Failure> {
    let mut found = by_words(log, question, wish).await?;
    let near = match by_meaning(log, meaning, wish).await {
        Err(Failure::Lasting(error)) => {
            tracing::error!("products are found by their words alone: {error}");
            Vec::new()
        }
        near => near?,
    };
    let known: HashSet<Uuid> = found.iter().map(|product| product.product).collect();
    found.extend(near.into_iter().filter(|product| !known.contains(&product.product)));
    Ok(found.into_iter().filter_map(source).collect())
}

async fn by_words(log: &Log, question: &str, wish: &Wish) -> Result<Vec<Product>, Failure> {
    let words: Vec<&str> = words(question).take(WORDS_MAX).collect();
    in_time(
        sqlx::query_as(&format!(
            "with asked as (
                 select to_tsquery('simple', $4) || to_tsquery('english', $4) as words)
             select product, name, description, price_minor, currency, category, tags
               from readmodel.products, asked
              where {WISHED} and search @@ words
              order by ts_rank(search, words) desc, position desc limit $5"
        ))
        .bind(wish.price_min)
        .bind(wish.price_max)
        .bind(wish.currency)
        .bind(words.join(" | "))
        .bind(CANDIDATES_MAX as i64)
        .fetch_all(log.pool()),
    )
    .await
}

/// The nearest of those that have a vector; none where there is no model, or nothing but a price.
async fn by_meaning(log: &Log, meaning: &TextModel, wish: &Wish) -> Result<Vec<Product>, Failure> {
    let Some(embedder) = meaning.embedder().filter(|_| !wish.rest.is_empty()) else {
        return Ok(Vec::new());
    };
    let products: Vec<Product> = in_time(
        sqlx::query_as(&format!(
            "select product, name, description, price_minor, currency, category, tags
               from readmodel.products where {WISHED} order by position desc limit $4"
        ))
        .bind(wish.price_min)
        .bind(wish.price_max)
        .bind(wish.currency)
        .bind(MEANINGS_MAX)
        .fetch_all(log.pool()),
    )
    .await?;
    let embedding = Embedding::new(log.pool(), embedder);
    let texts: Vec<String> = products.iter().map(text).collect();
    let kept = embedding.kept(&texts).await?;
    let asked = embedding.of_question(&wish.rest.join(" ")).await?;
    let mut near: Vec<(f32, Product)> = products
        .into_iter()
        .zip(&texts)
        .filter_map(|(product, text)| Some((kept.get(&text_hash(text))?.cosine(&asked), product)))
        .collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Ok(near.into_iter().take(CANDIDATES_MAX).map(|(_, product)| product).collect())
}

fn words(question: &str) -> impl Iterator<Item = &str> {
    let words = question.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.chars().all(char::is_numeric))
}

/// As whoever embeds it has it.
fn text(product: &Product) -> String {
    let more: Vec<&str> =
        product.category.iter().chain(&product.tags).map(String::as_str).collect();
    retrieval::about(&product.name, &more, product.description.as_deref())
}

fn source(product: Product) -> Option<Source> {
    let embedded = text(&product);
    let Product { product, name, description, price_minor, currency, .. } = product;
    let currency: Currency = currency.parse().ok()?;
    let quote: Option<Text> = description.as_deref().map(beginning).and_then(|it| it.parse().ok());
    Some(Source {
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
    fn a_long_description_is_quoted_up_to_the_end_of_a_sentence() {
        let long = format!("It is bright. {}", "It lasts for ever and a day ".repeat(20));
        assert_eq!(beginning(&long), "It is bright.");
        assert_eq!(beginning("It is bright. It lasts."), "It is bright. It lasts.");
        assert_eq!(beginning(&"é".repeat(400)).chars().count(), QUOTE_CHARS_MAX);
    }
}
