-- What others have built on it (a view, a foreign key) keeps it: there is no CASCADE.
--   :leaf    quoted
DROP TABLE :leaf;
