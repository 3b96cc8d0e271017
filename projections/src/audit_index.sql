-- Who caused which event, in which course of things? Indexes on the log's own metadata would halve the
-- append rate; here they cost nobody's answer. By command the log finds its events itself.
create table audit_index (
    position bigint not null,
    aggregate_type text collate "C" not null,
    event_type text collate "C" not null,
    actor text collate "C",
    correlation_id text collate "C"
);

-- What did somebody do?
create index audit_index_actor on audit_index (actor, position);
-- What belongs to one course of things?
create index audit_index_correlation on audit_index (correlation_id, position);
-- Where did something of this kind happen?
create index audit_index_type on audit_index (event_type, aggregate_type, position);

-- Which kinds of events are there?
create table audit_types (
    event_type text collate "C" not null,
    aggregate_type text collate "C" not null,
    primary key (event_type, aggregate_type)
);
