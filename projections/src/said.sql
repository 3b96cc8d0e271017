-- What catalogues that are searched by words have in common. Who types no accents finds what has them:
-- what is in ASCII has none, and is told apart where it costs nothing.

-- Array to text is not `immutable` in general; for texts it is, and generated columns ask for it.
create function words(list text[]) returns text
    language sql immutable parallel safe
    return array_to_string(list, ' ');

-- The words that have accents, without them.
create function folded(said text) returns text
    language sql immutable parallel safe
    return coalesce((
        select string_agg(regexp_replace(word, '[\u0300-\u036f]+', '', 'g'), ' ')
          from regexp_split_to_table(normalize(said, NFD), '\s+') word
         where word ~ '[\u0300-\u036f]'), '');

-- As it stands, and without accents.
create function named(said text) returns text
    language sql immutable parallel safe
    return case when octet_length(said) = length(said) then said
                else rtrim(said || ' ' || folded(said)) end;

-- By their English stems, with accents and without. The places between the two keep a phrase from going
-- from the end of the one to the other's beginning.
create function described(said text) returns tsvector
    language sql immutable parallel safe
    return case when octet_length(said) = length(said) then to_tsvector('english', said)
                else ts_delete(to_tsvector('english', said) || tsvector '|:9'
                               || to_tsvector('english', folded(said)), '|') end;

-- As they stand as well, which go together with the stems of descriptions.
create function said(said text) returns tsvector
    language sql immutable parallel safe
    return ts_delete(
        to_tsvector('simple', said) || tsvector '|:9' || described(said)
        || case when octet_length(said) = length(said) then tsvector ''
                else tsvector '|:9' || to_tsvector('simple', folded(said)) end, '|');

