-- What did readers say about an item, newest first? A deleted comment is gone. The text is the
-- sealed JSON of the event; only the query side opens it.
create table comments (
    comment uuid primary key,
    kind text not null,
    item uuid not null,
    author uuid not null,
    text jsonb not null,
    posted_at timestamptz not null,
    edited_at timestamptz,
    sequence bigint not null,
    position bigint not null
);

create index comments_of_item on comments (kind, item, position desc);
