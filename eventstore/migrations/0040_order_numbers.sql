-- Which order numbers of a UTC day has nobody taken yet? Processes take them in blocks of 100: an
-- order's number is unique, not gapless.
create table eventstore.order_numbers (
    day date primary key,
    taken integer not null check (taken between 0 and 999999)
);
