-- At which version is a customer's cart, empty ones too?
create table carts (
    customer uuid primary key,
    changed_at timestamptz not null,
    sequence bigint not null
);

-- What is in a cart, in the order it was put in, and what did it cost then?
create table cart_lines (
    customer uuid not null,
    product uuid not null,
    quantity bigint not null,
    price_minor bigint,
    currency text,
    added_at timestamptz not null,
    position bigint not null,
    primary key (customer, product)
);

-- What does a product cost now, for those who put it in next?
create table cart_prices (
    product uuid primary key,
    price_minor bigint not null,
    currency text not null
);
