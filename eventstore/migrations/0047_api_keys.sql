-- Which account does this key ask for? Only its keyed hash is here. Whether the key still works, and
-- for what, the log says: a row that the log does not name opens nothing.
create table identity.api_keys (
    hash text collate "C" primary key,
    id uuid not null unique,
    account uuid not null,
    created_at timestamptz not null default clock_timestamp(),
    last_used_on date
);

-- Which keys go when a person is erased? On which days were mine last used?
create index api_keys_account on identity.api_keys (account);
