//! One course of things: the commands that belong together, what they led to, and what that led to.

use std::collections::HashMap;

use axum::extract::State;
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use service_kit::{Json, Path, Problem, Query};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auditing::{Auditing, Reason};
use super::events::INDEX;
use super::shown::{ShownEvent, shown};
use crate::App;
use crate::view::View;

/// The most events of one answer; beyond it the tree is cut off, and says so.
const TRACE_EVENTS_MAX: i64 = 1_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(trace))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Why personal values must be seen; recorded
    #[param(value_type = Option<String>)]
    reveal: Option<Reason>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Trace {
    correlation_id: String,
    /// Commands that nothing of this trace caused.
    commands: Vec<Command>,
    /// There are more events than fit.
    truncated: bool,
}

/// A command, known by its events.
#[derive(Debug, Serialize, ToSchema)]
struct Command {
    command_id: String,
    actor: Option<String>,
    /// What it reacted to, in its own words.
    causation_id: Option<String>,
    events: Vec<Effect>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Effect {
    #[serde(flatten)]
    event: ShownEvent,
    /// Commands that this event led to.
    #[schema(no_recursion)]
    reactions: Vec<Command>,
}

#[utoipa::path(
    get, path = "/audit/trace/{correlation_id}", tag = "audit",
    params(("correlation_id" = String, Path), Params),
    security(("bearer" = ["auditor"])),
    responses((status = 200, description = "Commands, events and reactions", body = Trace))
)]
async fn trace(
    State(app): State<App>,
    auditing: Auditing,
    Path(correlation_id): Path<String>,
    Query(params): Query<Params>,
) -> Result<Json<Trace>, Problem> {
    app.progress().reached(INDEX, auditing.freshness).await?;
    let mut view = View::open(app.pool(), INDEX).await?;
    let mut events: Vec<RecordedEvent> = sqlx::query_as(
        "select event.position, event.aggregate_type, event.aggregate_id, event.sequence,
                event.event_type, event.event_version, event.payload::text as payload,
                event.metadata::text as metadata, event.recorded_at
         from readmodel.audit_index found
         join eventstore.events event on event.position = found.position
         where found.correlation_id = $1 order by found.position limit $2",
    )
    .bind(&correlation_id)
    .bind(TRACE_EVENTS_MAX + 1)
    .fetch_all(view.db())
    .await?;
    if events.is_empty() {
        let detail = format!("no event belongs to {correlation_id}");
        return Err(Problem::not_found("trace-unknown", detail));
    }
    // Opening personal values takes a connection: whoever waits for one must not hold another.
    drop(view);
    let truncated = events.len() as i64 > TRACE_EVENTS_MAX;
    events.truncate(TRACE_EVENTS_MAX as usize);
    let events = shown(&app, &auditing, &events, params.reveal.as_ref()).await?;
    Ok(Json(Trace { correlation_id, commands: tree(events), truncated }))
}

/// Commands in the order of their first events, each hung under the event that caused it. Events
/// come in order of positions, so a cause stands before its effects and there is no circle.
fn tree(events: Vec<ShownEvent>) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut by_id: HashMap<String, usize> = HashMap::new();
    for event in events {
        let entry = |name: &str| event.metadata.get(name)?.as_str().map(str::to_owned);
        // Events that another program wrote may have no command: each is one of its own.
        let command_id = entry("command_id").unwrap_or_else(|| format!("event {}", event.position));
        let index = *by_id.entry(command_id.clone()).or_insert_with(|| {
            let (actor, causation_id) = (entry("actor"), entry("causation_id"));
            commands.push(Command { command_id, actor, causation_id, events: Vec::new() });
            commands.len() - 1
        });
        commands[index].events.push(Effect { event, reactions: Vec::new() });
    }
    // From the last to the first, so that whatever is hung up has its own reactions already.
    let mut roots = Vec::new();
    while let Some(command) = commands.pop() {
        match cause(&commands, &command) {
            Some((index, effect)) => {
                commands[index].events[effect].reactions.insert(0, command);
            }
            None => roots.insert(0, command),
        }
    }
    roots
}

/// The event that a command names as its cause: by position, as `type/id@sequence`, or by the
/// command it came from. The commands of our processes have ids that begin with the position.
fn cause(before: &[Command], command: &Command) -> Option<(usize, usize)> {
    let named = command.causation_id.as_deref()?;
    for (index, candidate) in before.iter().enumerate() {
        let by_command = (candidate.command_id == named).then(|| {
            let position = command.command_id.split(':').next().and_then(|id| id.parse().ok());
            let exact = candidate.events.iter().position(|at| Some(at.event.position) == position);
            exact.unwrap_or(0)
        });
        let by_event = candidate.events.iter().position(|Effect { event, .. }| {
            named == event.position.to_string()
                || named
                    == format!("{}/{}@{}", event.stream.r#type, event.stream.id, event.sequence)
        });
        if let Some(effect) = by_event.or(by_command) {
            return Some((index, effect));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use service_kit::StreamBody;

    use super::*;

    fn event(position: i64, command: &str, cause: Option<&str>) -> ShownEvent {
        let mut metadata = json!({"command_id": command, "actor": "a"});
        if let Some(cause) = cause {
            metadata["causation_id"] = json!(cause);
        }
        ShownEvent {
            position,
            stream: StreamBody { r#type: "thing".to_owned(), id: "x".to_owned() },
            sequence: position,
            event_type: "Happened".to_owned(),
            event_version: "1.0.0".to_owned(),
            payload: json!({}),
            metadata,
            recorded_at: DateTime::UNIX_EPOCH,
            leaf: String::new(),
        }
    }

    #[test]
    fn reactions_hang_under_the_event_that_caused_them() {
        let roots = tree(vec![
            event(1, "order", None),
            event(2, "order", None),
            event(3, "reserve", Some("2")),
            event(4, "confirm", Some("thing/x@3")),
            event(5, "notify", Some("order")),
            event(7, "2:invoice", Some("order")),
            event(6, "unrelated", Some("999")),
        ]);
        let names: Vec<&str> = roots.iter().map(|root| root.command_id.as_str()).collect();
        assert_eq!(names, ["order", "unrelated"]);
        let order = &roots[0];
        assert_eq!(order.events[0].reactions[0].command_id, "notify");
        assert_eq!(order.events[1].reactions[1].command_id, "2:invoice");
        let reserve = &order.events[1].reactions[0];
        assert_eq!(reserve.command_id, "reserve");
        assert_eq!(reserve.events[0].reactions[0].command_id, "confirm");
    }
}
