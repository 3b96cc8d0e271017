//! The rungs of the ladder, each one `select`. Items already seen or rated, and items that cannot be
//! had, are never among the candidates.

use domain::{ItemId, ItemKind};
use service_kit::Problem;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::choice::{Choice, Enough, Marks};
use crate::item::CATALOGUE;

/// Newest likings of a reader that count; older ones weigh next to nothing.
pub const PROFILE_MAX: usize = 200;
/// Of these, those whose readers are looked for.
const COUNTED_MAX: usize = 50;
/// Newest readers of one item that may be neighbours.
const READERS_MAX: i64 = 500;
/// Readers nearest to the profile that are asked what else they like.
const NEIGHBOURS_MAX: i64 = 300;
/// Best items looked up in the catalogue, which may say that they cannot be had.
const SCORED_MAX: i64 = 200;
/// Newest items of one reader that count, so that a bot cannot cost more than a person.
const SEEN_MAX: i64 = 1000;
/// Reasons shown of each item.
const REASONS_MAX: i64 = 5;
/// From this Bayesian average on an item is worth a rule.
const GOOD_FROM: f64 = 7.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    CoOccurrence,
    Genres,
    Weekly,
    Top,
    Newest,
}

pub const LADDER: [Rung; 5] =
    [Rung::CoOccurrence, Rung::Genres, Rung::Weekly, Rung::Top, Rung::Newest];

impl Rung {
    pub const fn source(self) -> &'static str {
        match self {
            Self::CoOccurrence => "co-occurrence",
            Self::Genres => "genres",
            Self::Weekly => "weekly",
            Self::Top => "top",
            Self::Newest => "newest",
        }
    }

    pub const fn model_version(self) -> &'static str {
        match self {
            Self::CoOccurrence => "co-occurrence/1",
            Self::Genres => "genres/1",
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

#[derive(Debug)]
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
        "select kind, item from readmodel.seen where reader = $1 order by position desc limit $2",
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
    if asking.profile.is_empty() && rung == Rung::CoOccurrence {
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
    let sql = format!("{} {} {}", with_masked(), select(rung), ORDER);
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

/// What a reader knows already or does not want: never recommended.
pub fn known_to(reader: &str) -> String {
    format!(
        "select kind, item from readmodel.seen where reader = {reader}
         union select kind, item from readmodel.reader_ratings where reader = {reader}
         union select kind, item from readmodel.dismissals where reader = {reader}"
    )
}

/// $1, $2 the profile, $3 the kind, $4 the category, $5 the reader, $6 how many, $7, $8 genres and
/// makers of which there are enough.
fn with_masked() -> String {
    format!(
        "with profile as (
             select kind, item, place, 1.0 / place as weight
               from unnest($1::text[], $2::uuid[]) with ordinality as p (kind, item, place)
         ), masked as (
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

const ORDER: &str = "order by score desc, kind, item limit $6";

fn select(rung: Rung) -> String {
    match rung {
        Rung::CoOccurrence => co_occurrence(),
        Rung::Genres => genres(),
        Rung::Weekly => WEEKLY.to_owned(),
        Rung::Top => format!(
            "{RATED} select kind, item, bayes as score, '{{}}'::text[] as because,
                     '{{}}'::float8[] as shares, labels[1] as genre, makers
               from rated where (kind, item) not in (select kind, item from masked)"
        ),
        Rung::Newest => "none as (select) select kind, item, position::float8 as score,
                    '{}'::text[] as because, '{}'::float8[] as shares, labels[1] as genre, makers
               from wanted where (kind, item) not in (select kind, item from masked)"
            .to_owned(),
    }
}

/// Cosine of binary co-occurrence, summed over the profile with weight 1 / (1 + age).
///
/// Readers first: everybody who shares likings has a weight, and an item's score is the sum over the
/// readers who like it. That is the same sum in another order, and reads each list once instead of
/// once per shared item (ADR 5 has the numbers). The shares are counted over the same readers, so
/// they add up to the score.
fn co_occurrence() -> String {
    format!(
        "weighed as materialized (
             select p.kind, p.item,
                    p.weight::float8 / sqrt(least(n.readers, {READERS_MAX})) as weight
               from profile p join readmodel.item_signals n using (kind, item)
              where p.place <= {COUNTED_MAX}
         ), neighbours as materialized (
             select r.reader, sum(p.weight) as weight
               from weighed p
              cross join lateral (
                    select reader from readmodel.seen
                     where (kind, item) = (p.kind, p.item)
                     order by position desc limit {READERS_MAX}) r
              where r.reader is distinct from $5
              group by r.reader order by weight desc, r.reader limit {NEIGHBOURS_MAX}
         ), liked as (
             select s.kind, s.item, sum(n.weight) as weight
               from neighbours n
              cross join lateral (
                    select kind, item from readmodel.seen
                     where reader = n.reader order by position desc limit {SEEN_MAX}) s
              where $3::text is null or s.kind = $3
              group by s.kind, s.item
         ), scored as materialized (
             select l.kind, l.item, l.weight / sqrt(t.readers) as score, t.readers
               from liked l join readmodel.item_signals t using (kind, item)
              where (l.kind, l.item) not in (select kind, item from masked)
              order by score desc, l.kind, l.item
              limit case when $4::text is null and cardinality($7::text[] || $8::text[]) = 0
                         then {SCORED_MAX} end
         ), best as materialized (
             select s.*, w.labels[1] as genre, w.makers
               from scored s join wanted w using (kind, item)
              order by score desc, kind, item limit $6
         )
         select b.kind, b.item, b.score, b.genre, b.makers,
                coalesce(why.because, '{{}}') as because, coalesce(why.shares, '{{}}') as shares
           from best b
          cross join lateral (
                select array_agg(because order by share desc, because) as because,
                       array_agg(share order by share desc, because) as shares
                  from (select p.kind || ':' || p.item as because,
                               p.weight * count(*) / sqrt(b.readers) as share
                          from neighbours n
                          join readmodel.seen theirs
                            on (theirs.reader, theirs.kind, theirs.item) = (n.reader, b.kind, b.item)
                         cross join weighed p
                          join readmodel.seen ours
                            on (ours.reader, ours.kind, ours.item) = (n.reader, p.kind, p.item)
                         group by p.kind, p.item, p.weight
                         order by share desc, because limit {REASONS_MAX}) shown) why"
    )
}

/// What stands in today's list of the last seven days, named by its day.
const WEEKLY: &str = "
    listed as (
        select kind, item, score, 'weekly/' || day as version
          from readmodel.weekly_places join readmodel.weekly_days using (kind, period)
         where period = 'week' and genre = coalesce($4, '')
    )
    select kind, item, score, '{}'::text[] as because, '{}'::float8[] as shares, version,
           labels[1] as genre, makers
      from listed join wanted using (kind, item)
     where (kind, item) not in (select kind, item from masked)";

/// Bayesian averages of what is wanted.
const RATED: &str = "
    mean as (
        select kind, sum(points)::float8 / nullif(sum(ratings), 0) as points
          from readmodel.item_ratings group by kind
    ), rated as (
        select w.kind, w.item, w.labels, w.makers,
               (5 * mean.points + r.points) / (5 + r.ratings) as bayes
          from wanted w
          join readmodel.item_ratings r using (kind, item)
          join mean on mean.kind = w.kind
         where r.ratings > 0
    )";

/// The best of the genres of what the profile likes.
fn genres() -> String {
    format!(
        "{RATED}, liked as (
             select distinct unnest(c.labels) as label
               from profile p join {CATALOGUE} c using (kind, item)
         )
         select r.kind, r.item, r.bayes as score,
                array(select 'genre:' || label from liked
                       where label = any (r.labels) order by label) as because,
                '{{}}'::float8[] as shares, r.labels[1] as genre, r.makers
           from rated r
          where r.bayes >= {GOOD_FROM} and r.labels && array(select label from liked)
            and (r.kind, r.item) not in (select kind, item from masked)"
    )
}
