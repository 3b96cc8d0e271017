-- How many copies of a book are there, and how many of them are out? No check that neither is
-- negative: Postgres tests the row proposed for insert, which holds a difference, before it finds the
-- conflict and adds it up.
create table book_copies (
    book uuid primary key,
    copies bigint not null,
    lent bigint not null
);

-- Who borrowed what, and is it back? `position` is that of the borrowing. A reader may borrow a book
-- many times, one after the other.
create table loans (
    reader uuid not null,
    book uuid not null,
    position bigint not null,
    borrowed_at timestamptz not null,
    due_at timestamptz not null,
    returned_at timestamptz,
    primary key (reader, book, position)
);

-- What did a reader borrow, newest first?
create index loans_of_reader on loans (reader, position desc);
-- What is out, longest first, and what of it is overdue?
create index loans_out on loans (position) include (due_at) where returned_at is null;
