-- What the projections' runtime knows: builds and their checkpoints, who may move them, and events
-- set aside. `readmodel` holds one stable view per table of the live builds.

create schema projections;
create schema readmodel;

-- How far is each build, which one is live, and who may move it? One row per build, moved together
-- with the rows it vouches for. Room in the pages keeps its many updates off the index.
create table projections.builds (
    name text not null,
    version integer not null,
    build integer not null,
    schema text not null unique,
    -- A build for `verify` never serves and belongs to the program that compares it.
    purpose text not null default 'serve' check (purpose in ('serve', 'verify')),
    state text not null default 'building' check (state in ('building', 'live', 'retired')),
    -- The tables exist.
    prepared boolean not null default false,
    relations text[] not null default '{}',
    -- The last position scanned and the leaf of the event there.
    position bigint not null default 0,
    leaf bytea,
    -- Only the holder of the lease that wrote this token moves the checkpoint.
    token bigint not null default 0,
    -- The log no longer holds what this build was made of; it is not fed any more.
    diverged boolean not null default false,
    -- Positions per second, while behind.
    rate double precision not null default 0,
    -- Attempts since the checkpoint last moved, and why the last one failed.
    retries integer not null default 0,
    error text,
    created_at timestamptz not null default clock_timestamp(),
    moved_at timestamptz not null default clock_timestamp(),
    live_at timestamptz,
    retired_at timestamptz,
    primary key (name, version, build)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Which build does the read model show? At most one of each name.
create unique index builds_live on projections.builds (name) where state = 'live';

-- Who runs projections, and which ones could they run?
create table projections.workers (
    id uuid primary key,
    serves text[] not null,
    seen_at timestamptz not null
) with (fillfactor = 50);

-- Who runs this version of a projection? The token grows with every new holder.
create table projections.leases (
    name text not null,
    version integer not null,
    holder uuid,
    token bigint not null default 0,
    until timestamptz not null default clock_timestamp(),
    primary key (name, version)
) with (fillfactor = 50);

-- Which projections has an operator stopped?
create table projections.paused (
    name text primary key,
    paused_by text not null,
    paused_at timestamptz not null default clock_timestamp()
);

-- Which events has a build set aside? Those with an error failed; those without wait behind one of
-- their stream. The worker alone removes rows; others only say what is to happen.
create table projections.parked (
    id bigint generated always as identity primary key,
    name text not null,
    version integer not null,
    build integer not null,
    position bigint not null,
    aggregate_type text not null,
    aggregate_id text not null,
    event_type text not null,
    error text,
    attempts integer not null default 0,
    parked_at timestamptz not null default clock_timestamp(),
    -- When it is tried again; null: when somebody asks for it.
    due_at timestamptz,
    discarded boolean not null default false,
    unique (name, version, build, position)
);

-- What is to be tried again now?
create index parked_due on projections.parked (due_at);

-- Which events does no build of a projection ever apply, and why?
create table projections.discards (
    name text not null,
    position bigint not null,
    reason text not null,
    discarded_by text not null,
    discarded_at timestamptz not null default clock_timestamp(),
    primary key (name, position)
);

-- What do the views show, and can they be trusted?
create view projections.live as
select build.name, build.version, build.build, build.position, build.diverged,
       exists (select from projections.parked
               where parked.name = build.name and parked.version = build.version
                 and parked.build = build.build) as degraded
from projections.builds build
where build.state = 'live';
