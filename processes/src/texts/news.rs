//! What has changed since somebody last looked.

use std::collections::{HashMap, HashSet};

use domain::{ItemId, ItemKind};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What somebody knows already: of each item a stamp that changes with whatever it says.
#[derive(Debug, Default)]
pub struct Known {
    stamps: HashMap<ItemId, String>,
    digests: HashMap<ItemKind, String>,
    /// Nothing has changed while the projections are where they were.
    marks: String,
}

/// What that is no longer true of.
#[derive(Debug, Default)]
pub struct News {
    /// New or changed, with the stamps of now.
    pub changed: Vec<(ItemId, String)>,
    /// No longer in the read models.
    pub gone: Vec<ItemId>,
    digests: Vec<(ItemKind, String)>,
    marks: String,
}

impl Known {
    /// Reads what is new. Nothing is known better by that: see [`Known::learn`], [`Known::seen`].
    pub async fn news(&self, pool: &PgPool) -> Result<News, sqlx::Error> {
        let mut tx = pool.begin_with("begin isolation level repeatable read, read only").await?;
        let mut news = News { marks: marks(&mut tx).await?, ..News::default() };
        if news.marks == self.marks {
            return Ok(news);
        }
        for kind in ItemKind::ALL {
            let Some(digest) = digest(&mut tx, kind).await? else { continue };
            let known = self.digests.get(&kind);
            if known == Some(&digest) {
                continue;
            }
            let rows: Vec<(Uuid, String)> =
                sqlx::query_as(stamps(kind)).fetch_all(&mut *tx).await?;
            let rows = rows.into_iter().map(|(id, stamp)| (ItemId::new(kind, id), stamp));
            let rows: HashMap<ItemId, String> = rows.collect();
            // Another version of a read model may say other things of the same events.
            let is_rebuilt = known.is_some_and(|known| build(known) != build(&digest));
            let of_kind = self.stamps.keys().filter(|item| item.kind == kind);
            news.gone.extend(of_kind.filter(|item| !rows.contains_key(item)));
            let changed = rows
                .into_iter()
                .filter(|(item, stamp)| is_rebuilt || self.stamps.get(item) != Some(stamp));
            news.changed.extend(changed);
            news.digests.push((kind, digest));
        }
        Ok(news)
    }

    /// These are known now, as they were when the news was read.
    pub fn learn(&mut self, items: &[(ItemId, String)]) {
        self.stamps.extend(items.iter().cloned());
    }

    /// All of the news is known.
    pub fn seen(&mut self, news: News) {
        let gone: HashSet<ItemId> = news.gone.into_iter().collect();
        self.stamps.retain(|item, _| !gone.contains(item));
        self.digests.extend(news.digests);
        self.marks = news.marks;
    }
}

/// How far everything is that texts come from.
async fn marks(db: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(
        "select coalesce(string_agg(concat_ws(':', name, version, build, position, parked), ' '
                                    order by name), '')
                || ' ' || (select count(*) from processes.extracts)
           from projections.live where name = any ($1)",
    )
    .bind(["books", "courses", "files", "products"].as_slice())
    .fetch_one(db)
    .await
}

/// Which builds are shown, and a sum over all stamps; None while there is none.
async fn digest(db: &mut PgConnection, kind: ItemKind) -> Result<Option<String>, sqlx::Error> {
    let reads: &[&str] = match kind {
        ItemKind::Book => &["books"],
        ItemKind::Course => &["courses", "files"],
        ItemKind::Product => &["products"],
    };
    let builds: Vec<String> = sqlx::query_scalar(
        "select name || ':' || version || ':' || build from projections.live
          where name = any ($1) order by name",
    )
    .bind(reads)
    .fetch_all(&mut *db)
    .await?;
    if builds.len() < reads.len() {
        return Ok(None);
    }
    let sum: String = sqlx::query_scalar(&format!(
        "select count(*) || ':' || coalesce(sum(hashtextextended(item::text || stamp, 0)), 0)
           from ({}) s",
        stamps(kind),
    ))
    .fetch_one(db)
    .await?;
    Ok(Some(format!("{} {sum}", builds.join(","))))
}

fn build(digest: &str) -> &str {
    digest.split(' ').next().unwrap_or_default()
}

/// A course says what its lessons and their files say, as far as these have been read.
fn stamps(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Book => "select book as item, sequence::text as stamp from readmodel.books",
        ItemKind::Product => {
            "select product as item, sequence::text as stamp from readmodel.products"
        }
        ItemKind::Course => {
            "select c.course as item, c.sequence || coalesce('+' || f.stamp, '') as stamp
               from readmodel.courses c
               left join (select f.item, count(*) || '.' || sum(f.position) || '.' || count(e.file)
                                 as stamp
                            from readmodel.files f
                            left join processes.extracts e on e.file = f.sha256
                           where f.lesson is not null group by f.item) f on f.item = c.course"
        }
    }
}
