-- What title has words much like these mistyped ones? Where the extension is not installed or may not
-- be created, search goes on without an answer to that, and says so.
do $$
begin
    create extension if not exists pg_trgm;
exception when others then
    raise notice 'mistyped words are not looked for: %', sqlerrm;
end
$$;
