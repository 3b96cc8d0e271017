//! The best rated by Bayesian average, as the read models have them at one moment.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::weekly::{GENRE_ITEMS_MAX, GENRES_MAX, ITEMS_MAX, List, Lists, Period, Ranked};
use domain::{ItemKind, Tag};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// The read models that lists are made of.
const READS: [&str; 4] = ["item_ratings", "books", "courses", "products"];

/// So many average ratings count beside those of an item: one rating is no ranking.
const PRIOR: u32 = 5;

/// The Bayesian average of an item's ratings, in SQL, wherever something is ranked by it.
pub fn bayesian_average(mean: &str, points: &str, ratings: &str) -> String {
    format!("(({PRIOR} * {mean} + {points}) / ({PRIOR} + {ratings}))")
}

/// How far all of them know the log; none while one has never been built.
pub(super) async fn position(pool: &PgPool) -> Result<Option<i64>, sqlx::Error> {
    let (live, position): (i64, Option<i64>) = sqlx::query_as(
        "select count(*), min(position) from projections.live where name = any ($1)",
    )
    .bind(&READS[..])
    .fetch_one(pool)
    .await?;
    Ok(position.filter(|_| live == READS.len() as i64))
}

/// The lists of a day: what was rated before it began.
pub(super) async fn of_day(pool: &PgPool, day: NaiveDate) -> Result<Vec<Lists>, sqlx::Error> {
    let until = day.and_time(NaiveTime::MIN).and_utc();
    let mut tx = pool.begin_with("begin isolation level repeatable read, read only").await?;
    let mut all = Vec::new();
    for kind in ItemKind::ALL {
        for period in Period::EVERY {
            let since = day.pred_opt().and_then(|last| period.since(last));
            let lists = lists(&mut tx, kind, since, until).await?;
            all.push(Lists { kind, period, lists });
        }
    }
    Ok(all)
}

async fn lists(
    db: &mut PgConnection,
    kind: ItemKind,
    since: Option<DateTime<Utc>>,
    until: DateTime<Utc>,
) -> Result<Vec<List>, sqlx::Error> {
    let rows: Vec<(Option<String>, Uuid, f64, i64)> = sqlx::query_as(&select(kind))
        .bind(kind.name())
        .bind(since)
        .bind(until)
        .bind(GENRES_MAX as i64)
        .bind(ITEMS_MAX as i64)
        .bind(GENRE_ITEMS_MAX as i64)
        .fetch_all(db)
        .await?;
    let mut lists: Vec<List> = Vec::new();
    for (genre, id, score, ratings) in rows {
        let genre: Option<Tag> = genre.and_then(|genre| genre.parse().ok());
        let ranked = Ranked { id, score, ratings };
        match lists.last_mut().filter(|list| list.genre == genre) {
            Some(list) => list.items.push(ranked),
            None => lists.push(List { genre, items: vec![ranked] }),
        }
    }
    Ok(lists)
}

/// The list of all first, then one genre after the other, each best first.
fn select(kind: ItemKind) -> String {
    let shown = match kind {
        ItemKind::Book => {
            "select book as item, genres as labels from readmodel.books where not withdrawn"
        }
        ItemKind::Course => {
            "select course as item, skills as labels from readmodel.courses
              where state = 'published'"
        }
        ItemKind::Product => {
            "select product as item, array_remove(category || tags, null) as labels
               from readmodel.products where not discontinued"
        }
    };
    let score = bayesian_average("mean.points", "rated.points", "ratings");
    format!(
        "with rated as (
             select item, count(*) as ratings, sum(score) as points from readmodel.reader_ratings
              where kind = $1 and rated_at < $3 and ($2::timestamptz is null or rated_at >= $2)
              group by item
         ), mean as materialized (
             select sum(points)::float8 / nullif(sum(ratings), 0) as points from rated
         ), scored as materialized (
             select item, labels, ratings,
                    round({score}::numeric, 4)::float8 as score
               from rated join ({shown}) shown using (item) cross join mean
         ), labelled as materialized (
             select label as genre, item, ratings, score
               from scored cross join lateral (select distinct unnest(labels) as label) labels
         ), genres as (
             select genre from labelled group by genre order by sum(ratings) desc, genre limit $4
         ), ranked as (
             select null as genre, item, score, ratings,
                    row_number() over (order by score desc, ratings desc, item) as rank
               from scored
             union all
             select genre, item, score, ratings,
                    row_number() over (partition by genre order by score desc, ratings desc, item)
               from labelled join genres using (genre)
         )
         select genre, item, score, ratings from ranked
          where rank <= case when genre is null then $5 else $6 end
          order by genre nulls first, rank"
    )
}
