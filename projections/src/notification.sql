-- What were people told, and did it arrive? Waiting and failed ones first concern the operator.
create table notifications (
    notification text collate "C" primary key,
    recipient uuid not null,
    channel text not null,
    kind text not null,
    message jsonb not null,
    status text not null,
    attempts integer not null,
    error text,
    retry_at timestamptz,
    requested_at timestamptz not null,
    changed_at timestamptz not null,
    position bigint not null
);

-- What was I told, newest first?
create index notifications_by_recipient on notifications (recipient, position desc);
-- What did not go out, newest first?
create index notifications_by_status on notifications (status, position desc);
