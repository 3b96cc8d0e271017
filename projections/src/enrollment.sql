-- Which courses does a student take, and how far did everyone get? `state` is enrolled, withdrawn or
-- completed; `completed` of `lessons` is the progress as last recorded.
create table enrollments (
    student uuid not null,
    course uuid not null,
    state text not null,
    completed integer not null,
    lessons integer not null,
    enrolled_at timestamptz not null,
    withdrawn_at timestamptz,
    completed_at timestamptz,
    certificate uuid,
    sequence bigint not null,
    position bigint not null,
    primary key (student, course)
);

-- What does a student take, newest first?
create index enrollments_of_student on enrollments (student, position desc);
-- Who takes a course?
create index enrollments_of_course on enrollments (course, state);

-- Which lessons has a student completed?
create table lesson_completions (
    student uuid not null,
    course uuid not null,
    lesson uuid not null,
    score smallint,
    completed_at timestamptz not null,
    primary key (student, course, lesson)
);

-- Is this certificate genuine?
create table certificates (
    certificate uuid primary key,
    student uuid not null,
    course uuid not null,
    issued_at timestamptz not null,
    position bigint not null
);
