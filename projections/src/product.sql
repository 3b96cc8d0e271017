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

-- Which products are there, found by words, category or tag?
create table products (
    product uuid primary key,
    sku text not null,
    name text not null,
    description text,
    price_minor bigint not null,
    currency text not null,
    category text,
    tags text[] not null,
    discontinued boolean not null,
    added_at timestamptz not null,
    changed_at timestamptz not null,
    sequence bigint not null,
    position bigint not null,
    names text not null generated always as (name) stored,
    search tsvector not null generated always as (
        setweight(said(name), 'A')
        || setweight(said(sku), 'B')
        || setweight(said(coalesce(category, '') || ' ' || words(tags)), 'C')
        || setweight(to_tsvector('english', coalesce(description, '')), 'D')
    ) stored
);

-- Which products have these words?
create index products_search on products using gin (search);
-- Which products have this tag, or are of this category?
create index products_tags on products using gin (tags);
create index products_category on products (category);
-- Which are the newest, and which come first by name?
create index products_newest on products (position desc);
create index products_name on products (name, product);
