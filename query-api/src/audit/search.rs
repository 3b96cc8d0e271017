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

    /// Whether the log alone can answer: by position, or by stream.
    pub(super) fn needs_index(&self) -> bool {
        let by_index = [&self.r#type, &self.actor, &self.correlation_id, &self.command_id]
            .map(Option::is_some);
        by_index.contains(&true) || (self.stream_type.is_some() && self.stream_id.is_none())
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
        let mut sql = QueryBuilder::new(
            "select event.position, event.aggregate_type, event.aggregate_id, event.sequence,
                    event.event_type, event.event_version, event.payload::text as payload,
                    event.metadata::text as metadata, event.recorded_at
             from eventstore.events event ",
        );
        let key = if self.needs_index() {
            sql.push("join readmodel.audit_index found on found.position = event.position ");
            "found.position"
        } else {
            "event.position"
        };
        sql.push(format!("where {key} > ")).push_bind(span.after);
        sql.push(format!(" and {key} <= ")).push_bind(span.until);
        let indexed = [
            ("found.event_type", &self.r#type),
            ("found.actor", &self.actor),
            ("found.correlation_id", &self.correlation_id),
            ("found.command_id", &self.command_id),
        ];
        for (column, wanted) in indexed {
            if let Some(wanted) = wanted {
                sql.push(format!(" and {column} = ")).push_bind(wanted);
            }
        }
        if let Some(stream_type) = &self.stream_type {
            let column = match self.stream_id {
                Some(_) => "event.aggregate_type",
                None => "found.aggregate_type",
            };
            sql.push(format!(" and {column} = ")).push_bind(stream_type);
        }
        if let Some(stream_id) = &self.stream_id {
            sql.push(" and event.aggregate_id = ").push_bind(stream_id);
        }
        let direction = if span.newest_first { "desc" } else { "asc" };
        sql.push(format!(" order by {key} {direction} limit ")).push_bind(self.limit.rows());
        sql
    }
}
