-- How much of a product came, went and was corrected per day (UTC, occurred-at)? What was on hand
-- at the end of a day is the sum of all days up to it: received + adjusted - shipped.
create table daily_stock (
    product uuid not null,
    day date not null,
    received bigint not null,
    shipped bigint not null,
    adjusted bigint not null,
    primary key (product, day)
);

-- What moved up to a day?
create index daily_stock_by_day on daily_stock (day);
