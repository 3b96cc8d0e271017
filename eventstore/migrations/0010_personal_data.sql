-- Which wrapping key is in use, and which are old enough to be destroyed? `wrapped` is under the
-- root key; null when the key is kept in a directory of its own, apart from every backup.
create table eventstore.wrapping_keys (
    id uuid primary key,
    wrapped bytea,
    created_at timestamptz not null default now()
);

-- Which key opens what is known of a person? `wrapped` null is a tombstone: nothing of the subject
-- can be read again, and the append takes no more events about them. The foreign key is what makes
-- destroying a wrapping key safe: one that still opens something cannot be deleted, and nothing can
-- be wrapped with one that is gone.
create table eventstore.personal_keys (
    subject uuid primary key,
    wrapped bytea,
    wrapping_key uuid references eventstore.wrapping_keys (id),
    created_at timestamptz not null default now(),
    erased_at timestamptz,
    check ((wrapped is null) = (erased_at is not null)),
    check (wrapped is null or wrapping_key is not null)
);

-- What is still wrapped with a key that is due to be destroyed?
create index personal_keys_wrapping_key on eventstore.personal_keys (wrapping_key);
