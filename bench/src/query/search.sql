\set a random(1, 24)
\set b random(1, 24)
with asked as (
    select words[:a] || ' ' || words[:b] as q
      from (select array['river', 'winter', 'garden', 'letters', 'island', 'harbour', 'silver',
                         'mountain', 'history', 'shadow', 'kitchen', 'voyage', 'library', 'orchard',
                         'signal', 'bridge', 'forest', 'market', 'lantern', 'captain', 'theatre',
                         'machine', 'summer', 'compass'] as words) w
)
select c.kind, c.item, c.title, c.makers, c.labels, c.score, r.ratings, r.points
  from (select *, ts_rank(search, tsq)::float8 as score
          from (select 'book' as kind, book as item, title, authors as makers, genres as labels,
                       position, not withdrawn as shown, search from readmodel.books
                union all
                select 'course', course, title, '{}'::text[], skills, position,
                       state = 'published', search from readmodel.courses
                union all
                select 'product', product, name, '{}'::text[],
                       array_remove(category || tags, null), position, not discontinued, search
                  from readmodel.products) c,
               (select websearch_to_tsquery('simple', q) || websearch_to_tsquery('english', q) as tsq
                  from asked) t
         where shown and search @@ tsq) c
  left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
 order by c.score desc, c.item desc limit 51;
