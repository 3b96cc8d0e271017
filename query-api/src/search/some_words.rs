//! What has some of the words of a sentence, the rarer the better: full text wants every one of them,
//! and of a whole sentence hardly anything has every word.
//!
//! Close to BM25, by the indexes there are: `docs/RETRIEVAL.md` has both.

use domain::ItemId;
use retrieval::Hit;
use service_kit::Problem;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::sources::{EACH_MAX, hits};
use super::wanted::Wanted;
use crate::item::CATALOGUE;
use crate::words::folded;

/// Of fewer words every one is meant.
const WORDS_MIN: usize = 3;
/// Whoever writes so many quotes somebody, or a program, and means no operators.
const PROSE_WORDS_MIN: usize = 8;
const WORDS_MAX: i64 = 32;
/// Of each kind, for each word. A word that more items have tells them hardly apart and does not
/// count, unless no word is rarer.
const ITEMS_MAX: i64 = 2_000;

/// Whether it is a sentence, and no question in the language of search engines.
pub(super) fn is_sentence(words: &str) -> bool {
    let has_operators =
        || words.contains('"') || words.split_whitespace().any(|it| it.eq_ignore_ascii_case("or"));
    match words.split_whitespace().count() {
        PROSE_WORDS_MIN.. => true,
        WORDS_MIN.. => !has_operators(),
        _ => false,
    }
}

pub(super) async fn some_words(
    db: &mut PgConnection,
    words: &str,
    wanted: &Wanted,
) -> Result<Vec<Hit<ItemId>>, Problem> {
    let mut sql = QueryBuilder::<Postgres>::new(
        "with word as materialized (
             select quote_literal(lexeme)::tsquery as query
               from unnest(to_tsvector('english', ",
    );
    sql.push_bind(folded(words)).push(")) limit ").push_bind(WORDS_MAX);
    // A limit in each arm: a word that is everywhere is not read to its end.
    sql.push(
        "), hit as materialized (select query, kind, item, fits from word cross join lateral (",
    );
    for (place, (kind, table, shown)) in [
        ("book", "books", "not withdrawn"),
        ("course", "courses", "state = 'published'"),
        ("product", "products", "not discontinued"),
    ]
    .into_iter()
    .enumerate()
    {
        sql.push(if place > 0 { " union all " } else { "" });
        sql.push(format!(
            "(select '{kind}' as kind, {kind} as item,
                     ts_rank('{{1,1,1,1}}', search, query, 1) as fits
                from readmodel.{table} where search @@ query and {shown} limit "
        ));
        sql.push_bind(ITEMS_MAX).push(")");
    }
    sql.push(
        ") found), counted as (
             select query, count(*) as items, min(count(*)) over () as least
               from hit group by query),
         scored as (
             select kind, item, sum(ln(1 + 10000.0 / items) * fits)::float8 as score
               from hit join counted using (query) where items = least or items < ",
    );
    sql.push_bind(ITEMS_MAX).push(format!(
        " group by kind, item)
         select kind, item, score from scored join {CATALOGUE} c using (kind, item) where c.shown"
    ));
    wanted.push(&mut sql);
    sql.push(" order by score desc, item desc limit ").push_bind(EACH_MAX as i64);
    Ok(hits(sql.build_query_as().fetch_all(db).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_are_both_meant_and_what_is_quoted_is_meant_as_it_stands() {
        assert!(is_sentence("who frees the memory"));
        assert!(is_sentence("what does a program print that says \"hello\" twice or more"));
        for exact in ["jane austen", "\"the white whale\" hunt at sea", "cats or dogs", "whale"] {
            assert!(!is_sentence(exact), "{exact}");
        }
    }
}
