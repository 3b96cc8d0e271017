-- Which instances of a process wait for somebody to mend what stops them? The first event of an
-- instance failed, with an error; those without one wait behind it. The process alone removes rows.
create table processes.parked (
    name text not null,
    -- The order, for the fulfilment.
    instance text not null,
    position bigint not null,
    error text,
    attempts integer not null default 0,
    parked_at timestamptz not null default clock_timestamp(),
    -- When it is tried again. To have that at once, set it to now, or restart the program.
    due_at timestamptz not null default clock_timestamp(),
    primary key (name, position)
);
