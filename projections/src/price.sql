-- What did a product cost, and since when? Newest first; a price holds until the next one.
create table product_prices (
    product uuid not null,
    position bigint not null,
    minor bigint not null,
    currency text not null,
    since timestamptz not null,
    primary key (product, position)
);
