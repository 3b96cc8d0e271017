-- Who is who? Personal values are the sealed JSON of the event; only the query side opens them.
create table profiles (
    account uuid primary key,
    display_name jsonb,
    email jsonb,
    phone jsonb,
    language text,
    topics text[] not null,
    channels text[] not null,
    state text not null,
    registered_at timestamptz not null,
    changed_at timestamptz not null,
    sequence bigint not null,
    position bigint not null
);

-- Which roles does an account have besides being a member?
create table roles (
    account uuid not null,
    role text not null,
    granted_at timestamptz not null,
    primary key (account, role)
);
