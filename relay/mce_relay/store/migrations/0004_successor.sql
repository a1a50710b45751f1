-- A Directory that gives the log to other keys: nothing is appended here any more, whoever is restarted.
CREATE TABLE successor (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    bundle BLOB NOT NULL
) STRICT;
