-- Which items has a reader shown a liking for? A row is a pair that has at least one positive signal;
-- `position` is that of the newest, which orders a profile.
create table seen (
    reader uuid not null,
    kind text not null,
    item uuid not null,
    signals integer not null,
    position bigint not null,
    primary key (reader, kind, item)
);

-- Who has seen an item, newest first?
create index seen_by_item on seen (kind, item, position desc);
-- The newest thousand of a reader: what recommendations and co-occurrence read.
create index seen_by_reader on seen (reader, position desc);

-- How many readers have seen an item? Integers, added up from differences.
create table item_signals (
    kind text not null,
    item uuid not null,
    readers bigint not null,
    primary key (kind, item)
) with (fillfactor = 50);

-- Who bought what? An order counts when it is confirmed, and no longer once it is cancelled.
create table signal_orders (
    order_id uuid primary key,
    reader uuid not null,
    products uuid[] not null,
    counted boolean not null
);

-- Whose signals were taken out, and must not come back?
create table forgotten (
    reader uuid primary key
);
