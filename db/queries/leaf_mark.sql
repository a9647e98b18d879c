-- Says on a partition that it is about to be dropped; NULL takes it back.
--   :leaf    the partition, quoted
--   :mark    a literal, or NULL
COMMENT ON TABLE :leaf IS :mark;
