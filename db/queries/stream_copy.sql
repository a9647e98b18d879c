-- :table      a stream's table, quoted
-- :columns    its columns in the order of the rows, quoted
COPY :table (:columns) FROM STDIN (FORMAT binary)
