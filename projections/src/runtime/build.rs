//! Builds: one filling of a projection's tables, in a schema of its own.

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlx::{Executor, FromRow, PgConnection, PgPool};

use crate::Projection;

/// Which build of which version of which projection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, FromRow)]
pub struct BuildKey {
    pub name: String,
    pub version: i32,
    pub build: i32,
}

impl fmt::Display for BuildKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_v{}_{}", self.name, self.version, self.build)
    }
}

/// For sorting what an index is made of.
const INDEX_MEMORY: &str = "256MB";

/// Where a build is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum BuildState {
    Building,
    Live,
    Retired,
}

/// A build's row, as far as the runtime reads it.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Build {
    #[sqlx(flatten)]
    pub key: BuildKey,
    pub schema: String,
    pub state: BuildState,
    pub prepared: bool,
    pub position: i64,
    pub leaf: Option<Vec<u8>>,
    pub diverged: bool,
    /// Statements that make the indexes it still lacks.
    pub indexes: Vec<String>,
}

pub(super) const COLUMNS: &str =
    "name, version, build, schema, state, prepared, position, leaf, diverged, indexes";

/// The builds of some versions that want to be driven.
pub(super) async fn active(
    pool: &PgPool,
    names: &[&str],
    versions: &[i32],
) -> Result<Vec<Build>, sqlx::Error> {
    sqlx::query_as(
        "select name, version, build, schema, state, prepared, position, leaf, diverged, indexes
         from projections.builds
         join unnest($1::text[], $2::int[]) as leased (name, version) using (name, version)
         where purpose = 'serve' and state <> 'retired' and not diverged",
    )
    .bind(names)
    .bind(versions)
    .fetch_all(pool)
    .await
}

/// Opens a build unless a newer or equal version serves, or one of this version is under way.
pub(super) async fn open_if_missing(
    pool: &PgPool,
    name: &str,
    version: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into projections.builds (name, version, build, schema)
         select $1, $2, next.build, $1 || '_v' || $2 || '_' || next.build
         from (select coalesce(max(build), 0) + 1 as build from projections.builds
               where name = $1 and version = $2) next
         where not exists (select from projections.builds
                           where name = $1 and purpose = 'serve'
                             and (state = 'live' and version >= $2 and not diverged
                                  or state = 'building' and version = $2 and not diverged))
         on conflict do nothing",
    )
    .bind(name)
    .bind(version)
    .execute(pool)
    .await?;
    Ok(())
}

/// Opens a build whatever serves now, and says which.
pub(super) async fn open(
    connection: &mut PgConnection,
    name: &str,
    version: i32,
    purpose: &str,
) -> Result<Build, sqlx::Error> {
    sqlx::query_as(&format!(
        "insert into projections.builds (name, version, build, schema, purpose)
         select $1, $2, next.build, $1 || '_v' || $2 || '_' || next.build, $3
         from (select coalesce(max(build), 0) + 1 as build from projections.builds
               where name = $1 and version = $2) next
         returning {COLUMNS}"
    ))
    .bind(name)
    .bind(version)
    .bind(purpose)
    .fetch_one(connection)
    .await
}

/// Makes the schema and its tables, and remembers their names. A build that already has them is
/// left as it is. With much to read, it gets its indexes last, but for the unique ones.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    build: &mut Build,
    projection: &dyn Projection,
    much_to_read: bool,
) -> Result<(), sqlx::Error> {
    if build.prepared {
        return Ok(());
    }
    let statements = format!(
        "create schema {schema}; set local search_path to {schema}; {tables}",
        schema = quoted(&build.schema),
        tables = projection.schema(),
    );
    connection.execute(statements.as_str()).await?;
    if much_to_read {
        build.indexes = drop_indexes(connection, &build.schema).await?;
    }
    sqlx::query(
        "update projections.builds
         set prepared = true, indexes = $5,
             relations = array(select relname::text from pg_catalog.pg_class
                               where relnamespace = $4::text::regnamespace
                                 and relkind in ('r', 'p', 'v', 'm')
                               order by relname)
         where name = $1 and version = $2 and build = $3",
    )
    .bind(&build.key.name)
    .bind(build.key.version)
    .bind(build.key.build)
    .bind(quoted(&build.schema))
    .bind(&build.indexes)
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops the indexes that only readers need and gives the statements that make them again, however
/// often.
async fn drop_indexes(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "select format('drop index %s', indexrelid::regclass),
                replace(pg_get_indexdef(indexrelid), 'CREATE INDEX ', 'CREATE INDEX IF NOT EXISTS ')
         from pg_catalog.pg_index
         join pg_catalog.pg_class on pg_class.oid = indexrelid
         where relnamespace = $1::text::regnamespace and not indisunique
         order by relname",
    )
    .bind(quoted(schema))
    .fetch_all(&mut *connection)
    .await?;
    let (drops, statements): (Vec<_>, Vec<_>) = indexes.into_iter().unzip();
    connection.execute(drops.join(";").as_str()).await?;
    Ok(statements)
}

/// Makes the indexes a build lacks and the statistics that plans are made by. False if somebody
/// with a higher token has it. The build's row is locked last: others wait for it, and indexes of
/// large tables take a while.
pub(super) async fn make_indexes(
    connection: &mut PgConnection,
    build: &Build,
    token: i64,
) -> Result<bool, sqlx::Error> {
    let mut statements = format!("set local maintenance_work_mem = '{INDEX_MEMORY}';");
    for index in &build.indexes {
        statements += &format!("{index};");
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_catalog.pg_class
         where relnamespace = $1::text::regnamespace and relkind in ('r', 'p')",
    )
    .bind(quoted(&build.schema))
    .fetch_all(&mut *connection)
    .await?;
    for table in tables {
        statements += &format!("analyze {}.{};", quoted(&build.schema), quoted(&table));
    }
    connection.execute(statements.as_str()).await?;
    let made = sqlx::query(
        "update projections.builds set indexes = '{}'
         where name = $1 and version = $2 and build = $3 and token = $4",
    )
    .bind(&build.key.name)
    .bind(build.key.version)
    .bind(build.key.build)
    .bind(token)
    .execute(connection)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// A name as SQL spells it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
