-- What did somebody do, newest first? Of each thing the last time only: what is rated anew moves up,
-- what is taken back is gone. `kind` is that of the item in `object`, or `account`.
create table activity (
    actor uuid not null,
    deed text not null,
    kind text not null,
    object uuid not null,
    score smallint,
    at timestamptz not null,
    position bigint not null,
    primary key (actor, deed, kind, object)
);

create index activity_of_actor on activity (actor, position desc);
