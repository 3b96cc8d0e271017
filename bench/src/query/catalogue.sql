\set genre random(1, 8)
\set reader random(1, 64)
select c.book as id, c.title, c.authors, c.isbn, c.publisher, c.published_year,
       c.series_name, c.series_number, c.genres, c.audience, c.language, c.description,
       coalesce((select '/api/v1/files/' || f.sha256 from readmodel.files f
                  where (f.item, f.kind) = (c.book, 'book') and f.is_cover
                  order by f.position desc limit 1), c.cover_url) as cover_url,
       coalesce(r.ratings, 0) as ratings,
       round(r.points::numeric / nullif(r.ratings, 0), 4)::float8 as average,
       coalesce(k.copies, 0) as copies,
       case when c.withdrawn then 0 else coalesce(k.copies - k.lent, 0) end as available,
       coalesce(l.likes, 0) as likes,
       c.withdrawn, c.added_at, c.changed_at, c.sequence,
       (select score from readmodel.reader_ratings
         where (kind, item) = ('book', c.book)
           and reader = (select account from bench.readers where n = :reader)) as my_rating
  from readmodel.books c
  left join readmodel.book_copies k on k.book = c.book
  left join readmodel.item_ratings r on (r.kind, r.item) = ('book', c.book)
  left join readmodel.like_counts l on (l.kind, l.target) = ('book', c.book)
 where not c.withdrawn
   and c.genres @> array[(array['fiction', 'history', 'travel', 'science', 'poetry', 'crime',
                                'cooking', 'art'])[:genre]]
 order by c.position desc limit 51;
