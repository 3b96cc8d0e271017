-- Which checkpoints have been signed, and which have not left yet? They are trusted where they were
-- delivered to, not here.
create table eventstore.checkpoints (
    position bigint primary key,
    hash text not null,
    at timestamptz not null,
    key_id text not null,
    public_key text not null,
    signature text not null,
    delivered_at timestamptz
);
