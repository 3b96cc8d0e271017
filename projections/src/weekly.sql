-- Of which day are the lists of a kind and a period?
create table weekly_days (
    kind text not null,
    period text not null,
    day date not null,
    fixed_at timestamptz not null,
    primary key (kind, period)
);

-- What is in them? An empty `genre` is the list of all of the kind.
create table weekly_places (
    kind text not null,
    period text not null,
    genre text not null,
    rank bigint not null,
    item uuid not null,
    score double precision not null,
    ratings bigint not null,
    primary key (kind, period, genre, rank)
);
