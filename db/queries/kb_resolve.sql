-- kb_resolve
-- Which assets and documents are meant: pg_temp.kb_asset and kb_document get their ids, and what is new is made. What
-- contradicts itself or the database gets a problem.
--   :'batch'  batch_id
ANALYZE pg_temp.kb_asset;
ANALYZE pg_temp.kb_document;

-- By its id, by its uri (unless that moves on to another name within this batch), or by the name that it had.
WITH found AS (
    SELECT k.n, k.given_id, k.uri, k.previous_uri, i.asset_id AS by_id, i.uri AS old_uri, u.by_uri, u.uris,
           p.asset_id AS by_previous
      FROM pg_temp.kb_asset k
      LEFT JOIN pmoves_core.assets i ON i.asset_id = k.given_id
      LEFT JOIN LATERAL (
            SELECT count(*) AS uris,
                   CASE WHEN count(*) = 1 OR bool_or(a.asset_id = k.given_id)
                        THEN coalesce(min(a.asset_id::text) FILTER (WHERE a.asset_id = k.given_id),
                                      min(a.asset_id::text))::uuid END AS by_uri
              FROM pmoves_core.assets a
             WHERE a.uri = k.uri
               AND NOT EXISTS (SELECT FROM pg_temp.kb_asset m
                                WHERE m.previous_uri = k.uri
                                  AND NOT EXISTS (SELECT FROM pmoves_core.assets t
                                                   WHERE t.uri = m.uri
                                                     AND NOT EXISTS (SELECT FROM pg_temp.kb_asset m2
                                                                      WHERE m2.previous_uri = t.uri)))) u ON true
      LEFT JOIN LATERAL (
            SELECT a.asset_id
              FROM pmoves_core.assets a
             WHERE a.uri = k.previous_uri
             ORDER BY a.created_at, a.asset_id
             LIMIT 1) p ON true
     WHERE k.problem IS NULL)
UPDATE pg_temp.kb_asset k
   SET asset_id = coalesce(f.by_id, f.by_uri, CASE WHEN f.uris = 0 THEN f.by_previous END),
       is_moved = f.uris = 0 AND f.by_previous IS NOT NULL AND coalesce(f.by_id = f.by_previous, true),
       problem = CASE
           WHEN f.uris > 1 AND f.by_uri IS NULL
                THEN format('there are %s assets of this uri: name one by its asset_id', f.uris)
           WHEN f.by_uri <> f.given_id
                THEN format('asset_id %s contradicts the database: this uri is that of asset %s', f.given_id, f.by_uri)
           WHEN f.by_id IS NOT NULL AND f.old_uri <> f.uri AND f.old_uri IS DISTINCT FROM f.previous_uri
                THEN format('uri %s contradicts the database: asset %s is %s', left(f.uri, 60), f.by_id, left(f.old_uri, 60))
           WHEN f.uris = 0 AND f.by_previous <> f.given_id
                THEN format('asset_id %s contradicts the database: previous_uri is that of asset %s', f.given_id, f.by_previous)
           END
  FROM found f
 WHERE f.n = k.n;

-- New ones: those that are described, and those of documents that begin here.
WITH wanted AS (
    SELECT DISTINCT ON (k.uri) k.n, coalesce(k.given_id, d.asset_id, k.derived_id) AS id
      FROM pg_temp.kb_asset k
      LEFT JOIN LATERAL (
            -- its derived id is taken when what was called so has been moved
            SELECT gen_random_uuid() AS asset_id
             WHERE EXISTS (SELECT FROM pmoves_core.assets a WHERE a.asset_id = k.derived_id)) d ON true
     WHERE k.asset_id IS NULL
       AND k.problem IS NULL
       AND k.uri IS NOT NULL
       AND (k.is_described
            OR EXISTS (SELECT
                         FROM pg_temp.kb_document h
                        WHERE h.asset = k.n AND h.is_head AND NOT h.is_retired AND h.problem IS NULL
                          AND NOT EXISTS (SELECT FROM pmoves_kb.documents t
                                           WHERE t.doc_id = h.given_id AND t.asset_id IS NOT NULL))))
UPDATE pg_temp.kb_asset k
   SET asset_id = w.id, is_new = true, is_changed = true
  FROM wanted w
 WHERE w.n = k.n;

-- Renamed ones, in two steps: names may go round in a circle.
UPDATE pmoves_core.assets a
   SET uri = 'spoolgate moves ' || a.asset_id
  FROM pg_temp.kb_asset k
 WHERE k.asset_id = a.asset_id AND k.is_moved AND k.problem IS NULL;
UPDATE pmoves_core.assets a
   SET uri = k.uri, updated_at = now()
  FROM pg_temp.kb_asset k
 WHERE k.asset_id = a.asset_id AND k.is_moved AND k.problem IS NULL;
UPDATE pg_temp.kb_asset SET is_changed = true WHERE is_moved AND problem IS NULL;

INSERT INTO pmoves_core.assets
       (asset_id, uri, type, mime, title, source, license, checksum, size_bytes, language, transcript_uri,
        thumbnail_uri, created_at, meta, batch_id)
SELECT asset_id, uri, coalesce(type, type_guess, 'other'), mime, title, source, license, checksum, size_bytes, language,
       transcript_uri, thumbnail_uri, coalesce(created_at, now()), meta, :'batch'
  FROM pg_temp.kb_asset
 WHERE is_new
 ORDER BY asset_id;

-- What is described anew. Two rows may be one asset: of each key the last counts.
WITH said AS (
    SELECT asset_id,
           (array_agg(type ORDER BY n DESC) FILTER (WHERE type IS NOT NULL))[1] AS type,
           (array_agg(mime ORDER BY n DESC) FILTER (WHERE mime IS NOT NULL))[1] AS mime,
           (array_agg(title ORDER BY n DESC) FILTER (WHERE title IS NOT NULL))[1] AS title,
           (array_agg(source ORDER BY n DESC) FILTER (WHERE source IS NOT NULL))[1] AS source,
           (array_agg(license ORDER BY n DESC) FILTER (WHERE license IS NOT NULL))[1] AS license,
           (array_agg(checksum ORDER BY n DESC) FILTER (WHERE checksum IS NOT NULL))[1] AS checksum,
           (array_agg(size_bytes ORDER BY n DESC) FILTER (WHERE size_bytes IS NOT NULL))[1] AS size_bytes,
           (array_agg(language ORDER BY n DESC) FILTER (WHERE language IS NOT NULL))[1] AS language,
           (array_agg(transcript_uri ORDER BY n DESC) FILTER (WHERE transcript_uri IS NOT NULL))[1] AS transcript_uri,
           (array_agg(thumbnail_uri ORDER BY n DESC) FILTER (WHERE thumbnail_uri IS NOT NULL))[1] AS thumbnail_uri,
           (array_agg(created_at ORDER BY n DESC) FILTER (WHERE created_at IS NOT NULL))[1] AS created_at,
           (array_agg(meta ORDER BY n DESC) FILTER (WHERE meta IS NOT NULL))[1] AS meta
      FROM pg_temp.kb_asset
     WHERE is_described AND NOT is_new AND asset_id IS NOT NULL AND problem IS NULL
     GROUP BY asset_id),
changed AS (
    UPDATE pmoves_core.assets a
       SET type = coalesce(s.type, a.type),
           mime = coalesce(s.mime, a.mime),
           title = coalesce(s.title, a.title),
           source = coalesce(s.source, a.source),
           license = coalesce(s.license, a.license),
           checksum = coalesce(s.checksum, a.checksum),
           size_bytes = coalesce(s.size_bytes, a.size_bytes),
           language = coalesce(s.language, a.language),
           transcript_uri = coalesce(s.transcript_uri, a.transcript_uri),
           thumbnail_uri = coalesce(s.thumbnail_uri, a.thumbnail_uri),
           created_at = coalesce(s.created_at, a.created_at),
           meta = coalesce(s.meta, a.meta),
           updated_at = now()
      FROM said s
     WHERE s.asset_id = a.asset_id
       AND (coalesce(s.type, a.type), coalesce(s.mime, a.mime), coalesce(s.title, a.title),
            coalesce(s.source, a.source), coalesce(s.license, a.license), coalesce(s.checksum, a.checksum),
            coalesce(s.size_bytes, a.size_bytes), coalesce(s.language, a.language),
            coalesce(s.transcript_uri, a.transcript_uri), coalesce(s.thumbnail_uri, a.thumbnail_uri),
            coalesce(s.created_at, a.created_at), coalesce(s.meta, a.meta))
           IS DISTINCT FROM
           (a.type, a.mime, a.title, a.source, a.license, a.checksum, a.size_bytes, a.language, a.transcript_uri,
            a.thumbnail_uri, a.created_at, a.meta)
 RETURNING a.asset_id)
UPDATE pg_temp.kb_asset k
   SET is_changed = true
  FROM changed c
 WHERE c.asset_id = k.asset_id;

-- Documents that are meant to begin here: by doc_id, else the one that the asset has.
UPDATE pg_temp.kb_document d
   SET problem = k.problem
  FROM pg_temp.kb_asset k
 WHERE k.n = d.asset AND k.problem IS NOT NULL AND d.problem IS NULL;

UPDATE pg_temp.kb_document d
   SET doc_id = f.doc_id, problem = f.problem
  FROM (:found) f
 WHERE f.n = d.n AND d.is_head AND d.problem IS NULL;

-- New ones. Two rows may be one, of one asset.
WITH wanted AS (
    SELECT DISTINCT ON (coalesce(h.given_id, k.asset_id)) h.n, k.asset_id, h.given_id, h.title, h.meta,
           coalesce(h.given_id,
                    CASE WHEN NOT EXISTS (SELECT FROM pmoves_kb.documents t WHERE t.doc_id = h.derived_id)
                         THEN h.derived_id END,
                    gen_random_uuid()) AS doc_id
      FROM pg_temp.kb_document h
      LEFT JOIN pg_temp.kb_asset k ON k.n = h.asset
     WHERE h.is_head AND NOT h.is_retired AND h.doc_id IS NULL AND h.problem IS NULL
     ORDER BY coalesce(h.given_id, k.asset_id), h.n),
made AS (
    INSERT INTO pmoves_kb.documents (doc_id, asset_id, title, meta, status, batch_id)
    SELECT doc_id, asset_id, title, coalesce(meta, '{}'), 'pending', :'batch'
      FROM wanted
     ORDER BY doc_id
 RETURNING doc_id)
UPDATE pg_temp.kb_document d
   SET doc_id = w.doc_id, is_new = true
  FROM wanted w
 WHERE w.n = d.n;

-- What doesn't begin one: sections and chunks of a document that is there, perhaps since a moment ago.
UPDATE pg_temp.kb_document d
   SET doc_id = f.doc_id, problem = f.problem
  FROM (:found) f
 WHERE f.n = d.n AND d.doc_id IS NULL AND d.problem IS NULL;

UPDATE pg_temp.kb_document d
   SET doc_id = NULL, problem = 'the document isn''t there yet: its frame comes later in this batch; send that first'
 WHERE NOT d.is_head AND d.problem IS NULL
   AND EXISTS (SELECT FROM pg_temp.kb_document h WHERE h.doc_id = d.doc_id AND h.is_new AND h.n > d.n)
   AND NOT EXISTS (SELECT FROM pg_temp.kb_document h WHERE h.doc_id = d.doc_id AND h.is_new AND h.n < d.n);

-- A document that had no asset belongs to the one that it is sent with.
UPDATE pmoves_kb.documents t
   SET asset_id = k.asset_id
  FROM pg_temp.kb_document d
  JOIN pg_temp.kb_asset k ON k.n = d.asset
 WHERE t.doc_id = d.doc_id AND t.asset_id IS NULL AND k.asset_id IS NOT NULL AND d.problem IS NULL;

-- Where a moved asset's new name is another asset's already, the one of the old name is gone.
INSERT INTO pg_temp.kb_document (n, is_head, is_retired, digest, chunks, vectors, doc_id)
SELECT -1 - row_number() OVER (), true, true, '', 0, 0, t.doc_id
  FROM pg_temp.kb_asset k
  JOIN pmoves_core.assets a ON a.uri = k.previous_uri AND a.asset_id <> k.asset_id
  JOIN pmoves_kb.documents t ON t.asset_id = a.asset_id
 WHERE k.problem IS NULL AND NOT k.is_moved AND t.status <> 'retired'
   AND NOT EXISTS (SELECT FROM pg_temp.kb_asset o WHERE o.asset_id = a.asset_id)
