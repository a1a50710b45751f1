-- The last checkpoint under each log key that a Directory has ended: who has read the log only up to
-- there knows no newer key, and is shown this one.
CREATE TABLE ended (
    size INTEGER PRIMARY KEY,
    note BLOB NOT NULL
) STRICT;
