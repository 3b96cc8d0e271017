-- What must never be in the log: passwords, refresh tokens; and what auditors see of access.

create schema if not exists identity;

-- Does this password open this account? A row is written before the account's first event, so that
-- a registered account always has one; `confirmed` is set after it (command-api's credentials.rs).
create table identity.credentials (
    account uuid not null,
    attempt uuid not null,
    password_hash text not null,
    confirmed boolean not null default false,
    changed_at timestamptz not null default clock_timestamp(),
    primary key (account, attempt)
);
create unique index credentials_confirmed on identity.credentials (account) where confirmed;

-- Which attempts were never confirmed and may be looked at by the sweep?
create index credentials_pending on identity.credentials (changed_at) where not confirmed;

-- One log-in: the family of the refresh tokens that follow from it.
create table identity.sessions (
    id uuid primary key,
    account uuid not null,
    started_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_for text
);

-- Which sessions end when a password changes or a person is erased?
create index sessions_account on identity.sessions (account);

-- Which access tokens, at most 30 minutes old, must no longer be honoured?
create index sessions_revoked on identity.sessions (revoked_at) where revoked_at is not null;

-- Which sessions are over and may go?
create index sessions_expired on identity.sessions (expires_at);

-- Is this refresh token good? Only its SHA-256 is here: it is 256 random bits, so nothing can be
-- guessed from it.
create table identity.refresh_tokens (
    hash bytea primary key,
    session uuid not null references identity.sessions (id) on delete cascade,
    issued_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index refresh_tokens_session on identity.refresh_tokens (session);

-- Which accounts gained or lost rights lately? These events are rare, so the index costs the append
-- nothing; its condition is repeated word for word in service-kit's standing.rs.
create index events_standing on eventstore.events (recorded_at) where event_type in
    ('RoleGranted', 'RoleRevoked', 'AccountDeactivated', 'AccountReactivated', 'AccountErased');

-- Who was refused what, who read the audit side, who had a personal value shown? `times` counts the
-- same thing happening again within one batch of the writer.
create table eventstore.access_log (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    kind text not null check (kind in ('denied', 'read', 'reveal')),
    account uuid,
    method text not null,
    path text not null,
    status int not null,
    code text not null,
    trace_id text not null,
    reason text,
    times bigint not null default 1
);

-- What happened in a span of time, newest first? What did this account do?
create index access_log_at on eventstore.access_log (at desc);
create index access_log_account on eventstore.access_log (account, at desc);
