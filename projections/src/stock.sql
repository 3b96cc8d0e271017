-- How much of a product is there, and how much of it is promised?
create table stock_levels (
    product uuid primary key,
    on_hand bigint not null,
    reserved bigint not null,
    reorder_level bigint,
    changed_at timestamptz not null,
    sequence bigint not null
);

-- What runs low?
create index stock_levels_low on stock_levels (product)
    where reorder_level is not null and on_hand - reserved <= reorder_level;

-- What happened to the stock of a product, newest first, and how did it stand afterwards?
create table stock_movements (
    product uuid not null,
    position bigint not null,
    movement text not null,
    quantity bigint not null,
    order_id uuid,
    reason text,
    on_hand bigint not null,
    reserved bigint not null,
    at timestamptz not null,
    primary key (product, position)
);
