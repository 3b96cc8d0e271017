-- What the log holds of a person, in pages, personal values sealed as in the log. How far has a
-- collection got? What is on its pages? They go after 7 days, or with the person.
create table processes.export_pages (
    export uuid not null,
    until_position bigint not null,
    account uuid not null,
    events int not null,
    lines text not null,
    primary key (export, until_position)
);
create index export_pages_account on processes.export_pages (account);

-- Which collections are complete, and what does each look like to who may read it? The hash is here
-- and not in the log, so that it goes as well.
create table processes.exports (
    export uuid primary key,
    account uuid not null,
    manifest text not null,
    bytes bigint not null,
    sha256 text not null,
    made_at timestamptz not null default clock_timestamp()
);
create index exports_account on processes.exports (account);
create index exports_made_at on processes.exports (made_at);

insert into processes.checkpoints (name, position)
select 'exports', coalesce(max(last_position), 0) from eventstore.commits;
