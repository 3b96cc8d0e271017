-- What was sold of a product per day of placing (UTC, occurred-at): in orders confirmed and not
-- cancelled since? Differences are added up, so there is no check against negative numbers.
create table daily_sales (
    product uuid not null,
    day date not null,
    currency text not null,
    orders bigint not null,
    units bigint not null,
    minor bigint not null,
    primary key (product, day, currency)
);

-- What was sold in a range of days?
create index daily_sales_by_day on daily_sales (day);

-- What is in an order that may still be confirmed or cancelled? Its later events do not repeat it.
-- `lines` has a product once: {"product", "units", "minor"}.
create table open_sales (
    order_id uuid primary key,
    day date not null,
    currency text not null,
    lines jsonb not null
);
