//! The rungs of the ladder, each one `select`. Items already seen or rated, and items that cannot be
//! had, are never among the candidates: withdrawn ones, and those of which nothing is left.

use domain::{ItemId, ItemKind};
use processes::bayesian_average;
use service_kit::Problem;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::choice::{Choice, Enough, Marks};
use super::{co_occurrence, followed};
use crate::item::{CATALOGUE, LEFT};

/// Newest likings of a reader that count; older ones weigh next to nothing.
pub const PROFILE_MAX: usize = 200;
/// From this Bayesian average on an item is worth a rule.
const GOOD_FROM: f64 = 7.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    CoOccurrence,
    Genres,
    Topics,
    Followed,
    Weekly,
    Top,
    Newest,
}

pub const LADDER: [Rung; 7] = [
    Rung::CoOccurrence,
    Rung::Genres,
    Rung::Topics,
    Rung::Followed,
    Rung::Weekly,
    Rung::Top,
    Rung::Newest,
];

impl Rung {
    pub const fn source(self) -> &'static str {
        match self {
            Self::CoOccurrence => "co-occurrence",
            Self::Genres => "genres",
            Self::Topics => "topics",
            Self::Followed => "followed",
            Self::Weekly => "weekly",
            Self::Top => "top",
            Self::Newest => "newest",
        }
    }

    pub const fn model_version(self) -> &'static str {
        match self {
            Self::CoOccurrence => "co-occurrence/2",
            Self::Genres => "genres/1",
            Self::Topics => "topics/1",
            Self::Followed => "followed/1",
            Self::Weekly => "weekly/1",
            Self::Top => "top/1",
            Self::Newest => "newest/1",
        }
    }
}

/// For whom, and what of.
#[derive(Debug)]
pub struct Asking {
    pub kind: Option<ItemKind>,
    pub category: Option<String>,
    pub reader: Option<Uuid>,
    /// Newest first.
    pub profile: Vec<ItemId>,
}

#[derive(Debug, Clone)]
pub struct Candidate {
    /// The rung, and which version of it.
    pub source: &'static str,
    pub version: String,
    pub kind: String,
    pub item: Uuid,
    pub score: f64,
    pub because: Vec<String>,
    pub shares: Vec<f64>,
}

#[derive(FromRow)]
struct Row {
    kind: String,
    item: Uuid,
    score: f64,
    because: Vec<String>,
    shares: Vec<f64>,
    genre: Option<String>,
    makers: Vec<String>,
    /// Where it is not that of the rung.
    #[sqlx(default)]
    version: Option<String>,
}

pub async fn profile(db: &mut PgConnection, reader: Uuid) -> Result<Vec<ItemId>, Problem> {
    let seen: Vec<(String, Uuid)> = sqlx::query_as(
        "select kind, item from readmodel.seen where reader = $1
          order by position desc, kind desc, item desc limit $2",
    )
    .bind(reader)
    .bind(i64::try_from(PROFILE_MAX).expect("it is small"))
    .fetch_all(db)
    .await?;
    let item = |(kind, id): (String, Uuid)| Some(ItemId::new(ItemKind::from_name(&kind)?, id));
    Ok(seen.into_iter().filter_map(item).collect())
}

/// Offers the best of a rung, in order. Scores of different rungs do not compare.
pub async fn offer(
    db: &mut PgConnection,
    rung: Rung,
    asking: &Asking,
    choice: &mut Choice,
) -> Result<(), Problem> {
    let has_nothing = match rung {
        Rung::CoOccurrence | Rung::Genres => asking.profile.is_empty(),
        Rung::Topics | Rung::Followed => asking.reader.is_none(),
        Rung::Weekly | Rung::Top | Rung::Newest => false,
    };
    if has_nothing {
        return Ok(());
    }
    while !choice.is_complete() {
        let enough = choice.enough();
        let rows = best(db, rung, asking, &enough, choice.wanted()).await?;
        let has_more = rows.len() == choice.wanted();
        for Row { kind, item, score, because, shares, genre, makers, version } in rows {
            let (source, version) =
                (rung.source(), version.unwrap_or_else(|| rung.model_version().to_owned()));
            let candidate = Candidate { source, version, kind, item, score, because, shares };
            choice.offer(candidate, Marks { genre, makers });
        }
        // What was passed over makes room for others only once it is left out.
        if !has_more || choice.enough() == enough {
            break;
        }
    }
    Ok(())
}

async fn best(
    db: &mut PgConnection,
    rung: Rung,
    asking: &Asking,
    enough: &Enough,
    limit: usize,
) -> Result<Vec<Row>, Problem> {
    let kinds: Vec<&str> = asking.profile.iter().map(|item| item.kind.name()).collect();
    let items: Vec<Uuid> = asking.profile.iter().map(|item| item.id).collect();
    let sql = select(rung);
    let rows = sqlx::query_as(&sql)
        .bind(kinds)
        .bind(items)
        .bind(asking.kind.map(ItemKind::name))
        .bind(asking.category.as_deref())
        .bind(asking.reader)
        .bind(limit as i64)
        .bind(&enough.genres)
        .bind(&enough.makers)
        .fetch_all(db)
        .await?;
    Ok(rows)
}

/// What a reader knows already, teaches, or does not want: never recommended.
pub fn known_to(reader: &str) -> String {
    format!(
        "select kind, item from readmodel.seen where reader = {reader}
         union select kind, item from readmodel.reader_ratings where reader = {reader}
         union select kind, item from readmodel.dismissals where reader = {reader}
         union select 'course', course from readmodel.courses where instructor = {reader}"
    )
}

/// $1, $2 the profile, $3 the kind, $4 the category, $5 the reader, $6 how many, $7, $8 genres and
/// makers of which there are enough.
fn with_masked() -> String {
    format!(
        "with profile as (
             select kind, item, place, 1.0 / place as weight
               from unnest($1::text[], $2::uuid[]) with ordinality as p (kind, item, place)
         ), masked as materialized (
             select kind, item from profile
             union {}
         ), wanted as (
             select * from {CATALOGUE} c
              where shown and ($3::text is null or kind = $3)
                and ($4::text is null or $4 = any (labels))
                and (labels[1] = any ($7)) is not true and not makers && $8
         ),",
        known_to("$5")
    )
}

/// The best that are not `masked` and of which anything is left. Whether is asked of one after the
/// other, best first, until there are enough (`offset 0` keeps Postgres from asking it of all).
pub fn best_left(candidates: &str) -> String {
    const ORDER: &str = "order by score desc, kind, item";
    format!(
        "select * from ({candidates} {ORDER} offset 0) c
          where {LEFT} and (c.kind, c.item) not in (select kind, item from masked)
          {ORDER} limit $6"
    )
}

fn select(rung: Rung) -> String {
    let best = match rung {
        Rung::CoOccurrence => co_occurrence::select(),
        Rung::Genres => genres(),
        Rung::Topics => topics(),
        Rung::Followed => followed::select(),
        Rung::Weekly => weekly(),
        Rung::Top => top(),
        Rung::Newest => newest(),
    };
    format!("{} {best}", with_masked())
}

/// What stands in today's list of the last seven days, named by its day.
fn weekly() -> String {
    format!(
        "listed as (
             select kind, item, score, 'weekly/' || day as version
               from readmodel.weekly_places join readmodel.weekly_days using (kind, period)
              where period = 'week' and genre = coalesce($4, '')
         ) {}",
        best_left(
            "select kind, item, score, '{}'::text[] as because, '{}'::float8[] as shares, version,
                    labels[1] as genre, makers
               from listed join wanted using (kind, item)"
        )
    )
}

fn top() -> String {
    let candidates = "select kind, item, bayes as score, '{}'::text[] as because,
            '{}'::float8[] as shares, labels[1] as genre, makers from rated";
    format!("{} {}", rated(), best_left(candidates))
}

fn newest() -> String {
    let candidates = "select kind, item, position::float8 as score, '{}'::text[] as because,
            '{}'::float8[] as shares, labels[1] as genre, makers from wanted";
    format!("none as (select) {}", best_left(candidates))
}

/// Averages of all ratings of a kind. Once: a planner that knows nothing of the tables yet, as after an
/// import, would take them anew for each item.
const MEAN: &str = "
    mean as materialized (
        select kind, sum(points)::float8 / nullif(sum(ratings), 0) as points
          from readmodel.item_ratings group by kind
    )";

/// What was rated of an item `w`, looked up by its key (`offset 0`): the same planner would compare
/// every item with all others of its kind.
const RATINGS: &str = "
    select points, ratings from readmodel.item_ratings
     where (kind, item) = (w.kind, w.item) offset 0";

/// Bayesian averages of what is wanted.
fn rated() -> String {
    let bayes = bayesian_average("mean.points", "r.points", "r.ratings");
    format!(
        "{MEAN}, rated as (
             select w.kind, w.item, w.labels, w.makers, {bayes} as bayes
               from wanted w
               join lateral ({RATINGS}) r on r.ratings > 0
               join mean on mean.kind = w.kind
         )"
    )
}

/// The best of the genres of what the profile likes.
fn genres() -> String {
    let candidates = format!(
        "select kind, item, bayes as score, labels, makers from rated
          where bayes >= {GOOD_FROM} and labels && array(select label from liked)"
    );
    format!(
        "{}, liked as materialized (
             select distinct unnest(c.labels) as label
               from profile p join {CATALOGUE} c using (kind, item)
         ), {}",
        rated(),
        best_because(&candidates, "genre", "select label from liked")
    )
}

/// The best of what the reader chose to hear of, rated or not.
fn topics() -> String {
    let bayes = bayesian_average("mean.points", "coalesce(r.points, 0)", "coalesce(r.ratings, 0)");
    let candidates = format!(
        "select w.kind, w.item, coalesce({bayes}, 0) as score, w.labels, w.makers
           from chosen
           join wanted w on w.labels && chosen.topics
           left join lateral ({RATINGS}) r on true
           left join mean on mean.kind = w.kind"
    );
    format!(
        "{MEAN}, chosen as materialized (
             select topics from readmodel.profiles where account = $5 and topics <> '{{}}'
         ), {}",
        best_because(&candidates, "topic", "select unnest(topics) as label from chosen")
    )
}

/// [`best_left`] of candidates with their labels, each with those of `named` that it has.
fn best_because(candidates: &str, what: &str, named: &str) -> String {
    format!(
        "best as materialized ({})
         select kind, item, score,
                array(select '{what}:' || label from ({named}) named
                       where label = any (best.labels) order by label) as because,
                '{{}}'::float8[] as shares, labels[1] as genre, makers
           from best order by score desc, kind, item",
        best_left(candidates)
    )
}
