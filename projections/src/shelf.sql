-- What are a reader's favourites, newest first?
create table favourites (
    reader uuid not null,
    kind text not null,
    item uuid not null,
    added_at timestamptz not null,
    position bigint not null,
    primary key (reader, kind, item)
);

create index favourites_by_reader on favourites (reader, position desc);
