-- What does a reader not want to be recommended?
create table dismissals (
    reader uuid not null,
    kind text not null,
    item uuid not null,
    primary key (reader, kind, item)
);
