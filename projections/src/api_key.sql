-- Which keys does somebody have, newest first? The name is the sealed JSON of the event.
create table api_keys (
    key uuid primary key,
    account uuid not null,
    name jsonb not null,
    scopes text[] not null,
    created_at timestamptz not null,
    position bigint not null
);
create index api_keys_by_account on api_keys (account, position desc);
