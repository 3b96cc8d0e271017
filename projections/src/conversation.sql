-- What have I asked the assistant about, newest first? Texts are the sealed JSON of the events; only
-- the query side opens them.
create table conversations (
    conversation uuid primary key,
    asker uuid not null,
    about jsonb not null,
    first_question jsonb not null,
    questions integer not null,
    started_at timestamptz not null,
    last_asked_at timestamptz not null,
    sequence bigint not null,
    position bigint not null
);

create index conversations_of_asker on conversations (asker, position desc);

-- What was asked in a conversation, and what is the answer? Without `answered_at` it is still to
-- come.
create table answers (
    answer uuid primary key,
    conversation uuid not null,
    asker uuid not null,
    question jsonb not null,
    text jsonb,
    citations jsonb,
    provider text,
    model text,
    fallback_reason text,
    helpful boolean,
    asked_at timestamptz not null,
    answered_at timestamptz,
    position bigint not null
);

create index answers_of_conversation on answers (conversation, position);
