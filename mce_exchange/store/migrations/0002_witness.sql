-- What a witness of this home cosigned last, by the digest of its keys: keys without it sign nothing more.
CREATE TABLE witness (
    id   TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note BLOB NOT NULL
) STRICT;

-- The newest anchor that had its quorum; those of two days stand in `anchor`, whoever has cosigned them.
CREATE TABLE witnessed (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    time INTEGER NOT NULL,
    note BLOB NOT NULL
) STRICT;

-- Proofs that the log showed two views: two notes, and what makes them contradict each other.
CREATE TABLE fork (
    id    INTEGER PRIMARY KEY,
    older BLOB NOT NULL,
    newer BLOB NOT NULL,
    root  BLOB NOT NULL,
    proof BLOB NOT NULL,
    UNIQUE (older, newer)
) STRICT;
