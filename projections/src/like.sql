-- Who likes what? `kind` is that of an item, or `comment`.
create table likes (
    reader uuid not null,
    kind text not null,
    target uuid not null,
    liked_at timestamptz not null,
    position bigint not null,
    primary key (reader, kind, target)
);

-- Who likes this, newest first?
create index likes_of_target on likes (kind, target, position desc);

-- How many? No check that a count is not negative: Postgres tests the row proposed for insert,
-- which holds a difference, before it finds the conflict and adds it up.
create table like_counts (
    kind text not null,
    target uuid not null,
    likes bigint not null,
    primary key (kind, target)
);
