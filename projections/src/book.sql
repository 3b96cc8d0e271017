-- Array to text is not `immutable` in general; for texts it is, and generated columns ask for it.
create function words(list text[]) returns text
    language sql immutable parallel safe
    return array_to_string(list, ' ');

-- Words as they stand, and by their English stems, which go together with those of descriptions. The
-- places between the two keep a phrase from going from the end of the one to the other's beginning.
create function said(said text) returns tsvector
    language sql immutable parallel safe
    return ts_delete(
        to_tsvector('simple', said) || tsvector '|:9' || to_tsvector('english', said), '|');

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
    names text not null generated always as (title || ' ' || words(authors)) stored,
    search tsvector not null generated always as (
        setweight(said(title), 'A')
        || setweight(said(words(authors) || ' ' || coalesce(series_name, '')), 'B')
        || setweight(said(words(genres)), 'C')
        || setweight(to_tsvector('english', coalesce(description, '')), 'D')
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
