-- Summarises the ranges of a partition that are full, the last one first, back to one that is summarised
-- already. A summary of the range that rows are still added to would have to follow every one of them:
-- that is left to leaf_summarize.sql. So is the range before it: a server may extend tables by several
-- pages at once, so that the last ones are still empty.
--   $1 partition, quoted
WITH RECURSIVE brin (index, width, last) AS (
    SELECT i.indexrelid, width.pages, (size.pages / width.pages - 2) * width.pages
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_am a ON a.oid = c.relam,
           LATERAL (SELECT coalesce((SELECT option_value::bigint
                                       FROM pg_options_to_table(c.reloptions)
                                      WHERE option_name = 'pages_per_range'), 128)) AS width (pages),
           LATERAL (SELECT pg_relation_size(i.indrelid) / current_setting('block_size')::bigint) AS size (pages)
     WHERE i.indrelid = to_regclass($1)
       AND a.amname = 'brin'
), walk (index, width, block, made) AS (
    SELECT index, width, last, brin_summarize_range(index, last)
      FROM brin
     WHERE last >= 0
    UNION ALL
    SELECT index, width, block - width, brin_summarize_range(index, block - width)
      FROM walk
     WHERE made > 0
       AND block >= width
)
SELECT sum(made) FROM walk
