-- Who caused which event, by which command, in which course of things? Indexes on the log's own
-- metadata would halve the append rate; here they cost nobody's answer.
create table audit_index (
    position bigint primary key,
    aggregate_type text not null,
    event_type text not null,
    actor text,
    command_id text,
    correlation_id text,
    causation_id text
);

-- What did somebody do?
create index audit_index_actor on audit_index (actor, position);
-- What did a command lead to?
create index audit_index_command on audit_index (command_id, position);
-- What belongs to one course of things?
create index audit_index_correlation on audit_index (correlation_id, position);
-- Where did something of this kind happen?
create index audit_index_event_type on audit_index (event_type, position);
create index audit_index_aggregate_type on audit_index (aggregate_type, position);
