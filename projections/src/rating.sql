-- How is an item rated? No checks that counts are not negative: Postgres tests the row proposed for
-- insert, which holds a difference, before it finds the conflict and adds it up. Half-empty pages have
-- room for a changed row beside the old one, so that the index need not be touched.
-- `scores` counts those who gave 0 points, 1 point and so on up to 10.
create table item_ratings (
    kind text not null,
    item uuid not null,
    ratings bigint not null,
    points bigint not null,
    scores bigint[] not null,
    primary key (kind, item)
) with (fillfactor = 50);

-- How many gave an item which score?
create view item_scores as
select kind, item, (place - 1)::smallint as score, counted as ratings
from item_ratings, unnest(scores) with ordinality as scored (counted, place)
where counted <> 0;

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
create index reader_ratings_rated_at on reader_ratings using brin (rated_at);
