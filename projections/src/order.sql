-- Which orders are there, by customer and by status, newest first?
create table orders (
    order_id uuid primary key,
    number text not null,
    customer uuid not null,
    status text not null,
    currency text not null,
    total_minor bigint not null,
    line_count integer not null,
    reason jsonb,
    placed_at timestamptz not null,
    changed_at timestamptz not null,
    sequence bigint not null,
    position bigint not null
);

create index orders_of_customer on orders (customer, position desc);
create index orders_by_status on orders (status, position desc);
create index orders_newest on orders (position desc);

-- What was ordered, line by line, in the catalogue's words of that day?
create table order_lines (
    order_id uuid not null,
    line integer not null,
    product uuid not null,
    sku text not null,
    name text not null,
    quantity bigint not null,
    unit_price_minor bigint not null,
    primary key (order_id, line)
);

-- What happened to an order, and when? `by_account` is who cancelled it. A step of its payment has
-- the status the order had then; `detail` is the provider's reference, or what it said.
create table order_timeline (
    order_id uuid not null,
    position bigint not null,
    status text not null,
    reason jsonb,
    by_account uuid,
    payment text,
    detail text,
    at timestamptz not null,
    primary key (order_id, position)
);
