-- Which courses are there, found by words, level or skill? `state` is draft, publishing,
-- published or archived.
create table courses (
    course uuid primary key,
    instructor uuid not null,
    title text not null,
    description text,
    level text,
    skills text[] not null,
    seats integer,
    state text not null,
    created_at timestamptz not null,
    published_at timestamptz,
    changed_at timestamptz not null,
    sequence bigint not null,
    position bigint not null,
    -- The words of its lessons, by their stems, as long as it is one that can be found.
    lesson_words tsvector not null default '',
    names text not null generated always as (named(title)) stored,
    search tsvector not null generated always as (
        setweight(said(title), 'A')
        || setweight(said(words(skills) || ' ' || coalesce(level, '')), 'C')
        || setweight(described(coalesce(description, '')), 'D')
        || lesson_words
    ) stored
);

-- Which courses have these words, or teach this skill?
create index courses_search on courses using gin (search);
create index courses_skills on courses using gin (skills);
-- Which are the newest, and which come first by title?
create index courses_newest on courses (position desc);
create index courses_title on courses (title, course);
-- Which courses does an instructor teach?
create index courses_instructor on courses (instructor, position desc);

-- Which lessons does a course have, in order? An empty `body` is a lesson without text so far.
create table lessons (
    course uuid not null,
    lesson uuid not null,
    place integer not null,
    title text not null,
    minutes integer,
    body text not null default '',
    primary key (course, lesson)
);

-- How far is a publication, step by step? `state` is RUNNING, COMPLETED or FAILED (then with a
-- `reason`); of history that was brought in there are no steps.
create table workflows (
    workflow uuid primary key,
    kind text not null,
    course uuid not null,
    instructor uuid not null,
    state text not null,
    reason text,
    current_step text,
    steps_done integer not null,
    steps integer not null,
    by_step jsonb not null,
    started_at timestamptz not null,
    changed_at timestamptz not null,
    position bigint not null
);

-- Which publications does a course have? Unique because it is, and because the projection goes by it.
create unique index workflows_course on workflows (course, workflow);
