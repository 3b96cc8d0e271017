-- Whose export is this, and was it made?
create table exports (
    export uuid primary key,
    account uuid not null,
    requested_at timestamptz not null,
    position bigint not null,
    completed_at timestamptz,
    events bigint
);
