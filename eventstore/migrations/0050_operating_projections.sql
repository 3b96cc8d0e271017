-- Parked events that failed alike, and comparisons with a rebuild asked for from afar.

-- What do the errors of many events have in common? Numbers and ids differ from event to event.
create function projections.alike(error text) returns text
    language sql immutable strict parallel safe
    return left(regexp_replace(
        error,
        '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\m[0-9a-f]{16,}\M|\d+', '#', 'gi'), 500);

-- Which parked events failed alike? Null for those that only wait.
alter table projections.parked add column error_group text
    generated always as (left(md5(projections.alike(error)), 12)) stored;

-- Which comparisons with a fresh build were asked for, and what came of them?
create table projections.verifications (
    -- Of the event that asks for it.
    position bigint primary key,
    name text not null,
    state text not null default 'waiting'
        check (state in ('waiting', 'running', 'done', 'failed')),
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    -- A program that ends while it compares leaves the rest to another one.
    attempts integer not null default 0,
    started_at timestamptz,
    finished_at timestamptz,
    report jsonb,
    error text
);

-- What was asked of one projection?
create index verifications_of on projections.verifications (name, position);

-- What is still to be done?
create index verifications_open on projections.verifications (position)
    where state in ('waiting', 'running');
