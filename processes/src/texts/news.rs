//! What has changed since somebody last looked.
//!
//! The log tells which items its events are about, so a look costs what was written since the last
//! one. All items are compared when what is shown was built anew, or events were set aside and brought
//! in later, or a file has been read, or a crash of the database took something back.

use std::collections::{HashMap, HashSet};

use cqrs_es::Aggregate;
use domain::book::Book;
use domain::course::Course;
use domain::file::Files;
use domain::product::Product;
use domain::{ItemId, ItemKind};
use sqlx::{FromRow, PgConnection, PgPool};
use uuid::Uuid;

/// What somebody knows already: of each item a stamp that changes with whatever it says.
#[derive(Debug, Default)]
pub struct Known {
    stamps: HashMap<ItemId, String>,
    looks: HashMap<ItemKind, Look>,
}

/// What that is no longer true of.
#[derive(Debug, Default)]
pub struct News {
    /// New or changed, with the stamps of now.
    pub changed: Vec<(ItemId, String)>,
    /// No longer in the read models.
    pub gone: Vec<ItemId>,
    looks: Vec<(ItemKind, Look)>,
}

/// How what is shown of a kind was built, and how far.
#[derive(Debug, Clone, PartialEq, FromRow)]
struct Look {
    builds: Vec<String>,
    /// What moves when something is shown otherwise without a new event.
    late: String,
    positions: Vec<i64>,
}

impl News {
    /// Whether, to one who knew nothing, this is all there is: no read model is still being built.
    pub(crate) fn is_of_all_kinds(&self) -> bool {
        self.looks.len() == ItemKind::ALL.len()
    }
}

impl Known {
    /// Reads what is new. Nothing is known better by that: see [`Known::learn`], [`Known::seen`].
    pub async fn news(&self, pool: &PgPool) -> Result<News, sqlx::Error> {
        let mut tx = pool.begin_with("begin isolation level repeatable read, read only").await?;
        let mut news = News::default();
        for kind in ItemKind::ALL {
            let look = look(&mut tx, kind).await?;
            let look = look.filter(|look| self.looks.get(&kind) != Some(look));
            news.looks.extend(look.map(|look| (kind, look)));
        }
        let written = self.written(&mut tx, &news.looks).await?;
        for (kind, look) in &news.looks {
            let known = self.looks.get(kind);
            // Another version of a read model may say other things of the same events.
            let is_rebuilt = known.is_some_and(|known| known.builds != look.builds);
            let (rows, looked_at) = match known.filter(|known| look.goes_on_from(known)) {
                Some(_) => {
                    let written = written.get(kind).map_or(&[][..], Vec::as_slice);
                    (stamps(&mut tx, *kind, Some(written)).await?, written.to_vec())
                }
                None => {
                    let known = self.stamps.keys().filter(|item| item.kind == *kind);
                    (stamps(&mut tx, *kind, None).await?, known.map(|item| item.id).collect())
                }
            };
            let looked_at = looked_at.into_iter().map(|id| ItemId::new(*kind, id));
            let is_gone =
                |item: &ItemId| self.stamps.contains_key(item) && !rows.contains_key(item);
            news.gone.extend(looked_at.filter(is_gone));
            let changed = rows
                .into_iter()
                .filter(|(item, stamp)| is_rebuilt || self.stamps.get(item) != Some(stamp));
            news.changed.extend(changed);
        }
        Ok(news)
    }

    /// The items whose events were shown between what is known and these looks, in one pass over the
    /// log. The type is compared so that the index on positions is the only one that fits.
    async fn written(
        &self,
        db: &mut PgConnection,
        looks: &[(ItemKind, Look)],
    ) -> Result<HashMap<ItemKind, Vec<Uuid>>, sqlx::Error> {
        let mut kinds = HashMap::new();
        let mut types = Vec::new();
        let (mut after, mut upto) = (Vec::<i64>::new(), Vec::<i64>::new());
        for (kind, look) in looks {
            let known = self.looks.get(kind).filter(|known| look.goes_on_from(known));
            let Some(known) = known else { continue };
            for (_, events) in shown_by(*kind) {
                kinds.insert(*events, *kind);
                types.push(*events);
            }
            after.extend(&known.positions);
            upto.extend(&look.positions);
        }
        let streams: Vec<(String, String)> = sqlx::query_as(
            "select distinct e.aggregate_type, e.aggregate_id
               from eventstore.events e
               join unnest($1::text[], $2::bigint[], $3::bigint[]) as shown (events, after, upto)
                 on e.aggregate_type || '' = shown.events
                and e.position > shown.after and e.position <= shown.upto
              where e.position > $4 and e.position <= $5",
        )
        .bind(types)
        .bind(&after)
        .bind(&upto)
        .bind(after.iter().min())
        .bind(upto.iter().max())
        .fetch_all(db)
        .await?;
        let mut written: HashMap<ItemKind, Vec<Uuid>> = HashMap::new();
        for (events, stream) in streams {
            let item = kinds.get(events.as_str()).zip(item_of(&stream));
            if let Some((kind, item)) = item {
                written.entry(*kind).or_default().push(item);
            }
        }
        Ok(written)
    }

    /// These are known now, as they were when the news was read.
    pub fn learn(&mut self, items: &[(ItemId, String)]) {
        self.stamps.extend(items.iter().cloned());
    }

    /// All of the news is known.
    pub fn seen(&mut self, news: News) {
        let gone: HashSet<ItemId> = news.gone.into_iter().collect();
        self.stamps.retain(|item, _| !gone.contains(item));
        self.looks.extend(news.looks);
    }
}

impl Look {
    /// Whether the events in between tell all the difference.
    fn goes_on_from(&self, known: &Self) -> bool {
        let (from, to) = (known.positions.iter(), &self.positions);
        self.builds == known.builds
            && self.late == known.late
            && from.zip(to).all(|(from, to)| from <= to)
    }
}

/// The read models that show a kind, by their names, and whose events each shows.
fn shown_by(kind: ItemKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        ItemKind::Book => &[("books", Book::TYPE)],
        ItemKind::Course => &[("courses", Course::TYPE), ("files", Files::TYPE)],
        ItemKind::Product => &[("products", Product::TYPE)],
    }
}

/// None while not all of them are live.
async fn look(db: &mut PgConnection, kind: ItemKind) -> Result<Option<Look>, sqlx::Error> {
    let shown_by = shown_by(kind);
    let names: Vec<&str> = shown_by.iter().map(|(name, _)| *name).collect();
    let look: Look = sqlx::query_as(
        "select coalesce(array_agg(version || ':' || build order by name), '{}') as builds,
                concat_ws(' ', string_agg(parked::text, ' ' order by name),
                          case when $2 then (select count(*) from processes.extracts) end) as late,
                coalesce(array_agg(position order by name), '{}') as positions
           from projections.live where name = any ($1)",
    )
    .bind(names)
    .bind(kind == ItemKind::Course)
    .fetch_one(db)
    .await?;
    Ok(Some(look).filter(|look| look.builds.len() == shown_by.len()))
}

/// A file hangs at `lesson:<course>:<lesson>`.
fn item_of(stream: &str) -> Option<Uuid> {
    stream.split(':').find_map(|part| part.parse().ok())
}

/// Of some items, or of all. A course says what its lessons and their files say, as far as these have
/// been read.
async fn stamps(
    db: &mut PgConnection,
    kind: ItemKind,
    of: Option<&[Uuid]>,
) -> Result<HashMap<ItemId, String>, sqlx::Error> {
    let select = match kind {
        ItemKind::Book => "select book as item, sequence::text as stamp from readmodel.books",
        ItemKind::Product => {
            "select product as item, sequence::text as stamp from readmodel.products"
        }
        ItemKind::Course => {
            "select c.course as item, c.sequence || coalesce('+' || f.stamp, '') as stamp
               from readmodel.courses c
               left join lateral (
                    select count(*) || '.' || sum(f.position) || '.' || count(e.file) as stamp
                      from readmodel.files f
                      left join processes.extracts e on e.file = f.sha256
                     where f.item = c.course and f.lesson is not null
                    having count(*) > 0) f on true"
        }
    };
    let rows: Vec<(Uuid, String)> = match of {
        Some(items) => {
            let select =
                format!("select item, stamp from ({select}) all_of_them where item = any ($1)");
            sqlx::query_as(&select).bind(items).fetch_all(db).await?
        }
        None => sqlx::query_as(select).fetch_all(db).await?,
    };
    Ok(rows.into_iter().map(|(id, stamp)| (ItemId::new(kind, id), stamp)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_items_and_of_their_files_tell_the_item() {
        let [course, lesson] = [1, 2].map(Uuid::from_u128);
        assert_eq!(item_of(&course.to_string()), Some(course));
        assert_eq!(item_of(&format!("lesson:{course}:{lesson}")), Some(course));
        assert_eq!(item_of("nothing"), None);
    }
}
