-- What operators see of processes besides how far they got.

alter table processes.checkpoints
    -- When was the program last seen whose turn it is?
    add column seen_at timestamptz,
    -- How many reactions are under way, and how many events wait for a free hand?
    add column running integer not null default 0,
    add column waiting integer not null default 0;

-- What does each process react to right now? Written about once a second by the program whose turn
-- it is: a reaction that is over sooner never stands here.
create table processes.running (
    name text not null,
    instance text not null,
    position bigint not null,
    began_at timestamptz not null,
    -- Failed attempts, why the last one failed, and when the next one is made.
    attempts integer not null,
    error text,
    retry_at timestamptz,
    primary key (name, position)
);

-- Which events of one instance are set aside?
create index parked_instances on processes.parked (name, instance, position);
