-- How far has each process got? Everything up to `position` needs no reaction any more; what comes
-- after may have been reacted to in part, under command ids that make a repetition harmless.
create schema if not exists processes;

create table processes.checkpoints (
    name text primary key,
    position bigint not null check (position >= 0),
    updated_at timestamptz not null default clock_timestamp()
);

-- A process starts at the head of the log, that is where it was installed: in a new database at the
-- very beginning, so that no order placed before its first start is left waiting.
insert into processes.checkpoints (name, position)
select 'fulfilment', coalesce(max(last_position), 0) from eventstore.commits;
