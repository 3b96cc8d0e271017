//! What happened to items, counted, and who stands where.

use chrono::NaiveDate;
use processes::bayesian_average;
use service_kit::Problem;
use service_kit::page::Limit;
use sqlx::PgConnection;
use uuid::Uuid;

use super::boards::{Counts, Leaderboard};
use super::{Key, Placed};
use crate::Reads;
use crate::item::{CATALOGUE, COLUMNS};

impl Counts {
    pub(super) const fn reads(self) -> Reads {
        match self {
            Self::Rating | Self::Ratings => &["item_ratings", "books", "courses", "products"],
            Self::Likes => &["likes", "item_ratings", "books", "courses", "products"],
            Self::Favourites => &["favourites", "item_ratings", "books", "courses", "products"],
            Self::Loans => &["loans", "item_ratings", "books", "courses", "products"],
            Self::Orders => &["sales", "item_ratings", "books", "courses", "products"],
            Self::Enrollments | Self::Completions => {
                &["enrollments", "item_ratings", "books", "courses", "products"]
            }
        }
    }

    /// One row for each time: of which item, when, how much. Of a rating, its points.
    const fn happened(self) -> &'static str {
        match self {
            Self::Rating => {
                "select kind, item, rated_at as at, score as amount from readmodel.reader_ratings"
            }
            Self::Ratings => {
                "select kind, item, rated_at as at, 1 as amount from readmodel.reader_ratings"
            }
            Self::Likes => {
                "select kind, target as item, liked_at as at, 1 as amount from readmodel.likes
                  where kind <> 'comment'"
            }
            Self::Favourites => {
                "select kind, item, added_at as at, 1 as amount from readmodel.favourites"
            }
            Self::Loans => {
                "select 'book' as kind, book as item, borrowed_at as at, 1 as amount
                   from readmodel.loans"
            }
            Self::Orders => {
                "select 'product' as kind, product as item, day::timestamp at time zone 'UTC' as at,
                        orders as amount
                   from readmodel.daily_sales"
            }
            Self::Enrollments => {
                "select 'course' as kind, course as item, enrolled_at as at, 1 as amount
                   from readmodel.enrollments where state <> 'withdrawn'"
            }
            Self::Completions => {
                "select 'course' as kind, course as item, completed_at as at, 1 as amount
                   from readmodel.enrollments where completed_at is not null"
            }
        }
    }
}

/// One page, best first.
pub(super) async fn page(
    db: &mut PgConnection,
    board: &Leaderboard,
    today: NaiveDate,
    reader: Option<Uuid>,
    after: Option<Key>,
    limit: Limit,
) -> Result<Vec<Placed>, Problem> {
    let (score, counted, item) = match after {
        Some((score, counted, item)) => (Some(f64::from_bits(score)), Some(counted), Some(item)),
        None => (None, None, None),
    };
    let placed = sqlx::query_as(&select(board.counts))
        .bind(board.kind.map(domain::ItemKind::name))
        .bind(board.genre.as_ref().map(domain::Tag::as_str))
        .bind(board.period.since(today))
        .bind(reader)
        .bind(score)
        .bind(counted)
        .bind(item)
        .bind(limit.rows())
        .fetch_all(db)
        .await?;
    Ok(placed)
}

fn select(counts: Counts) -> String {
    let score = match counts {
        Counts::Rating => bayesian_average(
            "sum(sum(amount)) over by_kind / sum(count(*)) over by_kind",
            "sum(amount)",
            "count(*)",
        ),
        _ => "sum(amount)".to_owned(),
    };
    let counted = match counts {
        Counts::Rating => "count(*)",
        _ => "sum(amount)::bigint",
    };
    format!(
        "with scored as (
             select kind, item, ({score})::float8 as score, {counted} as counted
               from ({}) happened
              where ($1::text is null or kind = $1) and ($3::timestamptz is null or at >= $3)
              group by kind, item
             window by_kind as (partition by kind)
         )
         select * from (
             select row_number() over (order by s.score desc, s.counted desc,
                                                c.kind || ':' || c.item) as rank,
                    {COLUMNS}, s.score, s.counted
               from scored s
               join {CATALOGUE} c on (c.kind, c.item) = (s.kind, s.item) and c.shown
               left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
               left join readmodel.reader_ratings mine
                 on (mine.reader, mine.kind, mine.item) = ($4, c.kind, c.item)
              where s.counted > 0 and ($2::text is null or $2 = any (c.labels))) ranked
          where $5::float8 is null
             or (score, counted) < ($5, $6)
             or (score, counted) = ($5, $6) and item > $7
          order by rank limit $8",
        counts.happened()
    )
}
