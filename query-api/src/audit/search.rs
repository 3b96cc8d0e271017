//! Finding events: the audit index knows what the log's own keys do not.

use chrono::{DateTime, Utc};
use eventstore::{Reader, RecordedEvent};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::page::Limit;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use utoipa::{IntoParams, ToSchema};

use super::auditing::Reason;
use super::moment::last_before;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    Newest,
    Oldest,
}

/// Which events; all filters must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Filters {
    /// Type of event, such as `ItemRated`
    r#type: Option<String>,
    /// Type of aggregate, such as `rating`
    stream_type: Option<String>,
    /// Needs `stream_type`
    stream_id: Option<String>,
    actor: Option<String>,
    correlation_id: Option<String>,
    command_id: Option<String>,
    /// Recorded at this time or later
    from: Option<DateTime<Utc>>,
    /// Recorded before this time
    to: Option<DateTime<Utc>>,
    /// Only positions after this one
    after: Option<i64>,
    /// `newest` or `oldest` first; newest unless `after` is given
    #[param(inline)]
    order: Option<Sort>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    pub(super) limit: Limit,
    pub(super) cursor: Option<String>,
    /// Why personal values must be seen; recorded
    #[param(value_type = Option<String>)]
    pub(super) reveal: Option<Reason>,
}

/// The positions to look at, and from which end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    after: i64,
    until: i64,
    newest_first: bool,
}

impl Filters {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.stream_id.is_some() && self.stream_type.is_none() {
            return Err(Problem::invalid("/query/stream_type", "stream_id needs a stream_type"));
        }
        Ok(())
    }

    pub(super) fn newest_first(&self) -> bool {
        match self.order {
            Some(order) => order == Sort::Newest,
            None => self.after.is_none(),
        }
    }

    /// Whether the index must find them: the log itself finds a stream and a command.
    pub(super) fn needs_index(&self) -> bool {
        let by_index = [&self.r#type, &self.stream_type, &self.actor, &self.correlation_id];
        self.stream_id.is_none()
            && self.command_id.is_none()
            && by_index.into_iter().any(Option::is_some)
    }

    /// `beyond` is the last position of the page before.
    pub(super) async fn span(&self, reader: &Reader, beyond: Option<i64>) -> Result<Span, Problem> {
        let newest_first = self.newest_first();
        let mut after = self.after.unwrap_or(0);
        let mut until = i64::MAX;
        if let Some(from) = self.from {
            after = after.max(last_before(reader, from).await?);
        }
        if let Some(to) = self.to {
            until = last_before(reader, to).await?;
        }
        match beyond {
            Some(beyond) if newest_first => until = until.min(beyond.saturating_sub(1)),
            Some(beyond) => after = after.max(beyond),
            None => {}
        }
        Ok(Span { after, until, newest_first })
    }

    pub(super) async fn find(
        &self,
        db: &mut PgConnection,
        span: Span,
    ) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        self.statement(span).build_query_as().fetch_all(db).await
    }

    /// Only the filters asked for, so that each combination gets a plan of its own.
    fn statement(&self, span: Span) -> QueryBuilder<'_, Postgres> {
        let direction = if span.newest_first { "desc" } else { "asc" };
        let mut sql = QueryBuilder::new(
            "select event.position, event.aggregate_type, event.aggregate_id, event.sequence,
                    event.event_type, event.event_version, event.payload::text as payload,
                    event.metadata::text as metadata, event.recorded_at
             from ",
        );
        if self.needs_index() {
            sql.push("(");
            self.push_found(&mut sql, span, direction);
            sql.push(") found join eventstore.events event using (position) where true");
        } else {
            sql.push("eventstore.events event where ");
            push_span(&mut sql, "event", span);
            self.push_filters(&mut sql);
        }
        sql.push(format!(" order by event.position {direction} limit "));
        sql.push_bind(self.limit.rows());
        sql
    }

    /// The positions of a page by the index: of somebody or of a course of things as they come, else
    /// the first ones of each kind.
    fn push_found<'a>(&'a self, sql: &mut QueryBuilder<'a, Postgres>, span: Span, direction: &str) {
        let of_kind = [("event_type", &self.r#type), ("aggregate_type", &self.stream_type)];
        let of_whom = [("actor", &self.actor), ("correlation_id", &self.correlation_id)];
        if of_whom.iter().any(|(_, wanted)| wanted.is_some()) {
            sql.push("select i.position from readmodel.audit_index i where ");
            push_span(sql, "i", span);
            push_equal(sql, "i", of_kind.into_iter().chain(of_whom));
        } else {
            sql.push(
                "select i.position from readmodel.audit_types t
                 cross join lateral (
                     select i.position from readmodel.audit_index i
                     where (i.event_type, i.aggregate_type) = (t.event_type, t.aggregate_type)
                       and ",
            );
            push_span(sql, "i", span);
            sql.push(format!(" order by i.position {direction} limit "));
            sql.push_bind(self.limit.rows()).push(") i where true");
            push_equal(sql, "t", of_kind);
        }
        sql.push(format!(" order by i.position {direction} limit ")).push_bind(self.limit.rows());
    }

    /// What the log itself is asked for. A command's events are in the commit of the last of them.
    fn push_filters<'a>(&'a self, sql: &mut QueryBuilder<'a, Postgres>) {
        let of_stream = [
            ("event_type", &self.r#type),
            ("aggregate_type", &self.stream_type),
            ("aggregate_id", &self.stream_id),
        ];
        push_equal(sql, "event", of_stream);
        let entries = [
            ("actor", &self.actor),
            ("correlation_id", &self.correlation_id),
            ("command_id", &self.command_id),
        ];
        for (entry, wanted) in entries {
            if let Some(wanted) = wanted {
                sql.push(format!(" and event.metadata->>'{entry}' = ")).push_bind(wanted);
            }
        }
        if let (Some(command), None) = (&self.command_id, &self.stream_id) {
            sql.push(
                " and event.position in (
                      select generate_series(c.first_position, k.position)
                      from eventstore.commands k
                      cross join lateral (
                          select first_position from eventstore.commits
                          where last_position >= k.position order by last_position limit 1) c
                      where k.appended and k.key = ",
            );
            sql.push_bind(command).push(")");
        }
    }
}

fn push_span(sql: &mut QueryBuilder<'_, Postgres>, table: &str, span: Span) {
    sql.push(format!("{table}.position > ")).push_bind(span.after);
    sql.push(format!(" and {table}.position <= ")).push_bind(span.until);
}

fn push_equal<'a>(
    sql: &mut QueryBuilder<'a, Postgres>,
    table: &str,
    filters: impl IntoIterator<Item = (&'static str, &'a Option<String>)>,
) {
    for (column, wanted) in filters {
        if let Some(wanted) = wanted {
            sql.push(format!(" and {table}.{column} = ")).push_bind(wanted);
        }
    }
}
