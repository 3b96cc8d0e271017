-- How much happened per day (UTC, occurred-at)? `measure` is one of registrations, follows, ratings,
-- rating_points (of these), rating_changes, ratings_withdrawn, enrollments, withdrawals,
-- completions, orders_placed, orders_confirmed, orders_rejected, orders_shipped,
-- orders_delivered, orders_cancelled.
create table daily_counts (
    measure text not null,
    day date not null,
    n bigint not null,
    primary key (measure, day)
);

-- The same for one course: enrollments, withdrawals, completions.
create table daily_course_counts (
    course uuid not null,
    measure text not null,
    day date not null,
    n bigint not null,
    primary key (course, measure, day)
);

-- What happened in all courses in a range of days?
create index daily_course_counts_by_day on daily_course_counts (day);

-- What was sold per day of placing: orders confirmed and not cancelled since? Differences are added
-- up, so there is no check against negative numbers.
create table daily_revenue (
    day date not null,
    currency text not null,
    orders bigint not null,
    minor bigint not null,
    primary key (day, currency)
);

-- Who did anything on a day?
create table daily_activity (
    day date not null,
    account uuid not null,
    primary key (day, account)
);

-- On which day was an order placed? Its later events do not repeat it.
create table order_days (
    order_id uuid primary key,
    day date not null
);
