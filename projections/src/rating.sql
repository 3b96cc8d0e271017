-- How is an item rated? No checks that counts are not negative: Postgres tests the row proposed for
-- insert, which holds a difference, before it finds the conflict and adds it up. Half-empty pages have
-- room for a changed row beside the old one, so that the index need not be touched.
create table item_ratings (
    kind text not null,
    item uuid not null,
    ratings bigint not null,
    points bigint not null,
    primary key (kind, item)
) with (fillfactor = 50);

-- How many gave an item which score?
create table item_scores (
    kind text not null,
    item uuid not null,
    score smallint not null,
    ratings bigint not null,
    primary key (kind, item, score)
) with (fillfactor = 50);

-- How did a reader rate an item?
create table reader_ratings (
    reader uuid not null,
    kind text not null,
    item uuid not null,
    score smallint not null,
    rated_at timestamptz not null,
    position bigint not null,
    primary key (reader, kind, item)
);

-- What did a reader rate, newest first?
create index reader_ratings_newest on reader_ratings (reader, position desc);
-- What was rated lately?
create index reader_ratings_rated_at on reader_ratings (rated_at);
