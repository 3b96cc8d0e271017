-- Who follows whom, newest first?
create table follows (
    follower uuid not null,
    followee uuid not null,
    since timestamptz not null,
    position bigint not null,
    primary key (follower, followee)
);

-- Who are the followers of an account, newest first?
create index follows_of_followee on follows (followee, position desc);
-- Whom does an account follow, newest first?
create index follows_of_follower on follows (follower, position desc);

-- How many? No check that a count is not negative: Postgres tests the row proposed for insert, which
-- holds a difference, before it finds the conflict and adds it up.
create table follow_counts (
    account uuid primary key,
    followers bigint not null,
    following bigint not null
);
