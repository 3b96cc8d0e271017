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
    names text not null generated always as (named(name)) stored,
    search tsvector not null generated always as (
        setweight(said(name), 'A')
        || setweight(said(sku), 'B')
        || setweight(said(coalesce(category, '') || ' ' || words(tags)), 'C')
        || setweight(described(coalesce(description, '')), 'D')
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
