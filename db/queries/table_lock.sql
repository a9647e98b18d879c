-- The lock that COPY takes, before it: the columns stay as they are until the end of the transaction.
--   :table    quoted
LOCK TABLE ONLY :table IN ROW EXCLUSIVE MODE
