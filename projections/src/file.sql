-- Which files does this have? `target` is `book:<id>`, or `lesson:<course>:<lesson>`, whose `item` is
-- the course. `is_cover` is an image of the name that makes it the cover.
create table files (
    target text not null,
    name text not null,
    kind text not null,
    item uuid not null,
    lesson uuid,
    media_type text not null,
    size bigint not null,
    sha256 text not null,
    is_cover boolean not null,
    attached_at timestamptz not null,
    position bigint not null,
    primary key (target, name)
);

-- Which files does an item have, or all lessons of a course? What is its cover?
create index files_of_item on files (item, kind);

-- What is attached that has this content, and to what?
create index files_of_content on files (sha256);
