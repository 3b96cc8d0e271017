-- Which books are there, found by words, genre, author or audience?
-- `search` weighs title, authors with series, genres and description, in that order.
create table books (
    book uuid primary key,
    title text not null,
    authors text[] not null,
    isbn text,
    publisher text,
    published_year integer,
    series_name text,
    series_number double precision,
    genres text[] not null,
    audience text not null,
    language text,
    description text,
    cover_url text,
    withdrawn boolean not null,
    added_at timestamptz not null,
    changed_at timestamptz not null,
    sequence bigint not null,
    position bigint not null,
    names text not null generated always as (named(title || ' ' || words(authors))) stored,
    search tsvector not null generated always as (
        setweight(said(title), 'A')
        || setweight(said(words(authors) || ' ' || coalesce(series_name, '')), 'B')
        || setweight(said(words(genres)), 'C')
        || setweight(described(coalesce(description, '')), 'D')
    ) stored
);

-- Which books have these words?
create index books_search on books using gin (search);
-- Which books are of this genre, or by this author?
create index books_genres on books using gin (genres);
create index books_authors on books using gin (authors);
-- Which are the newest, and which come first by title?
create index books_newest on books (position desc);
create index books_title on books (title, book);
