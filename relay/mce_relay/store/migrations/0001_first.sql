-- The log, and what the relay serves from it. Times are POSIX seconds, sizes bytes.

-- One row for each entry of the tree, for ever; statement bytes are what the entry's digest is of.
CREATE TABLE entries (
    idx       INTEGER PRIMARY KEY,
    entry     BLOB NOT NULL CHECK (length(entry) = 34),
    id        BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    public    INTEGER NOT NULL,
    author    TEXT NOT NULL,
    statement BLOB NOT NULL
) STRICT;
CREATE INDEX public_entries ON entries (idx) WHERE public = 1;

-- Member records of a Directory, in their order.
CREATE TABLE records (
    idx    INTEGER NOT NULL REFERENCES entries,
    place  INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (idx, place)
) STRICT, WITHOUT ROWID;

-- Who may see a private Statement, auditors aside.
CREATE TABLE parties (
    member TEXT NOT NULL,
    idx    INTEGER NOT NULL REFERENCES entries,
    PRIMARY KEY (member, idx)
) STRICT, WITHOUT ROWID;

-- The last checkpoint signed, to compare the tree with at start.
CREATE TABLE checkpoint (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    note BLOB NOT NULL
) STRICT;

CREATE TABLE anchors (
    size INTEGER PRIMARY KEY,
    note BLOB NOT NULL
) STRICT;

CREATE TABLE messages (
    idx      INTEGER PRIMARY KEY REFERENCES entries,
    sender   TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    closed   INTEGER,
    erased   INTEGER,
    attested INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX open_messages ON messages (expires) WHERE closed IS NULL;
CREATE INDEX closed_messages ON messages (closed) WHERE closed IS NOT NULL AND erased IS NULL;
CREATE INDEX unattested_messages ON messages (idx) WHERE erased IS NOT NULL AND attested = 0;

CREATE TABLE payloads (
    idx     INTEGER PRIMARY KEY REFERENCES messages,
    payload BLOB NOT NULL
) STRICT;

-- One row for each recipient of a message; fate as in the code's `Fate`.
CREATE TABLE places (
    idx            INTEGER NOT NULL REFERENCES messages,
    number         INTEGER NOT NULL,
    sender         TEXT NOT NULL,
    recipient      TEXT NOT NULL,
    fate           INTEGER NOT NULL,
    wrap           BLOB NOT NULL,
    deadline       INTEGER,
    prekey_refused INTEGER NOT NULL,
    rewrap         BLOB NOT NULL,
    PRIMARY KEY (idx, number)
) STRICT;
CREATE INDEX pending_places ON places (sender, recipient) WHERE fate = 0;
CREATE INDEX due_places ON places (deadline) WHERE fate = 0 AND deadline IS NOT NULL;

-- Numbers of a pair that a header or a void has used: the first logged one wins.
CREATE TABLE numbers (
    sender    TEXT NOT NULL,
    recipient TEXT NOT NULL,
    number    INTEGER NOT NULL,
    id        BLOB NOT NULL,
    PRIMARY KEY (sender, recipient, number)
) STRICT, WITHOUT ROWID;

-- Attachments' metadata; the ciphertext stands in files of the same name.
CREATE TABLE uploads (
    root     BLOB PRIMARY KEY CHECK (length(root) = 32),
    owner    TEXT NOT NULL,
    size     INTEGER NOT NULL,
    started  INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    idx      INTEGER REFERENCES messages
) STRICT;
CREATE INDEX bound_uploads ON uploads (idx) WHERE idx IS NOT NULL;
CREATE INDEX orphan_uploads ON uploads (started) WHERE idx IS NULL;

CREATE TABLE usage (
    member     TEXT PRIMARY KEY,
    held       INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    messages   INTEGER NOT NULL,
    statements INTEGER NOT NULL
) STRICT;
