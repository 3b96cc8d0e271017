
-- Whose `names` have words much like these mistyped ones? Without the extension nobody asks.
do $$
declare
    extension text := (select extnamespace::regnamespace from pg_extension where extname = 'pg_trgm');
    named name;
begin
    for named in
        select relname from pg_class join pg_attribute on attrelid = pg_class.oid
         where relnamespace = current_schema()::regnamespace and relkind = 'r' and attname = 'names'
           and extension is not null
    loop
        execute format(
            'create index %I on %I using gin (names %s.gin_trgm_ops)',
            named || '_names', named, extension);
    end loop;
end
$$;
