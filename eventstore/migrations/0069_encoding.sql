-- Which letters can be told apart? Words are looked for with their accents and without (`normalize`),
-- which Postgres knows in UTF8 alone.
do $$
begin
    if current_setting('server_encoding') <> 'UTF8' then
        raise exception 'the database is in %, and has to be in UTF8',
            current_setting('server_encoding')
            using hint = 'make another: create database ... encoding ''UTF8'' template template0';
    end if;
end
$$;
