-- The log: every event in order, and what is kept with it in the same transaction.

create schema if not exists eventstore;

-- postgres-es's seven columns with their meaning, then ours. `payload` and `metadata` are json, not
-- jsonb: the hash chain covers the bytes as they came.
create table eventstore.events (
    aggregate_type text collate "C" not null,
    aggregate_id text collate "C" not null,
    sequence bigint not null check (sequence > 0),
    event_type text not null,
    event_version text not null,
    payload json not null,
    metadata json not null,
    position bigint not null check (position > 0),
    recorded_at timestamptz not null,
    -- The id first: it alone tells most streams apart.
    primary key (aggregate_id, aggregate_type, sequence)
);

-- Which events come after a position?
create unique index events_position on eventstore.events (position);

-- One row per append: where it ends and the hash of the chain up to there.
create table eventstore.commits (
    last_position bigint primary key,
    first_position bigint not null,
    hash bytea not null,
    recorded_at timestamptz not null
);

-- Has this caller's command been decided, and how?
create table eventstore.commands (
    caller text collate "C" not null,
    key text collate "C" not null,
    fingerprint bytea not null,
    aggregate_type text collate "C" not null,
    aggregate_id text collate "C" not null,
    sequence bigint not null,
    position bigint not null,
    appended boolean not null,
    -- The refusal as json; null when events were appended or nothing had to change.
    refusal text,
    recorded_at timestamptz not null,
    -- The key first: ours are in order of time, and so is where they are looked for.
    primary key (key, caller)
);

-- Which refusals and unchanged answers are older than a day and may go?
create index commands_disposable on eventstore.commands (recorded_at) where not appended;

-- Who holds what must be unique or is scarce?
create table eventstore.claims (
    kind text collate "C" not null,
    key text collate "C" not null,
    holder text collate "C" not null,
    primary key (kind, key, holder)
);

-- What does a holder give back?
create index claims_holder on eventstore.claims (kind, holder);

-- How many places has a scarce thing? No row: as many as asked for.
create table eventstore.claim_places (
    kind text collate "C" not null,
    key text collate "C" not null,
    places bigint not null,
    primary key (kind, key)
);

create function eventstore.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on eventstore.% is refused: history is never changed', tg_op, tg_table_name
        using errcode = 'restrict_violation';
end $$;

create trigger events_are_forever before update or delete on eventstore.events
    for each row execute function eventstore.refuse_change();
create trigger events_are_never_truncated before truncate on eventstore.events
    for each statement execute function eventstore.refuse_change();
create trigger commits_are_forever before update or delete on eventstore.commits
    for each row execute function eventstore.refuse_change();
create trigger commits_are_never_truncated before truncate on eventstore.commits
    for each statement execute function eventstore.refuse_change();
