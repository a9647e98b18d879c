-- :"table"    a stream's parent table
-- :columns    its columns in the order of the rows, quoted
COPY :"table" (:columns) FROM STDIN (FORMAT binary)
