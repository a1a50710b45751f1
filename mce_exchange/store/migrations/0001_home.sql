-- A home, first form. Boxes are libsodium secretboxes under the home's master key or a body's own key.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Private keys: signing seeds, the door's key, prekeys' 32-byte seeds.
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    box  BLOB NOT NULL
) STRICT;

-- The log as followed: all entries, so that every proof can be made at home.
CREATE TABLE entry (
    log_index INTEGER PRIMARY KEY,
    entry     BLOB NOT NULL
) STRICT;

CREATE TABLE checkpoint (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    note BLOB NOT NULL
) STRICT;

CREATE TABLE anchor (
    size INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    note BLOB NOT NULL,
    since INTEGER NOT NULL DEFAULT 0 -- the time of the first anchor of this size
) STRICT;

-- Statements whose bytes the log gave us; `about` is the header id a private one speaks of.
CREATE TABLE statement (
    log_index INTEGER PRIMARY KEY,
    type      TEXT NOT NULL,
    raw       BLOB NOT NULL,
    members   BLOB NOT NULL
) STRICT;

CREATE TABLE about (
    header_id BLOB NOT NULL,
    log_index INTEGER NOT NULL,
    PRIMARY KEY (header_id, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX about_entry ON about (log_index);

-- Every sequence number used, in both directions: by a header, or by a void that annuls an id.
CREATE TABLE pair (
    peer     TEXT NOT NULL,
    outgoing INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    id       BLOB NOT NULL,
    annulled BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (peer, outgoing, sequence)
) STRICT, WITHOUT ROWID;

-- Numbers that should have come, `first` to `last`; alarmed after ten minutes, kept until they come.
-- Ranges: a peer that jumps by 2^60 costs one row.
CREATE TABLE gap (
    peer    TEXT NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    alarmed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (peer, first)
) STRICT, WITHOUT ROWID;

-- The newest header or high-water of each peer by log index, and when its newest message came.
CREATE TABLE heard (
    peer       TEXT PRIMARY KEY,
    log_index  INTEGER NOT NULL,
    message_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages of both directions. `body` opens with `body_key`; erasing the key erases the body.
-- `to_upload`: its attachments are not known to be at the relay. `anchored`: its receipt has been held
-- against the log as followed, and stands under an anchor. `position`: ours among a received one's recipients.
-- `closed_at`: when nothing final was awaited any more. `key_erased` (the content key and what was sent),
-- `content_erased`: 0 held, 1 gone, 2 gone and said so. `gone`: relay and sender
-- have said so in the log (1), or a person was told that they have not (2).
CREATE TABLE message (
    id        INTEGER PRIMARY KEY,
    header_id BLOB NOT NULL UNIQUE,
    outgoing  INTEGER NOT NULL,
    sender    TEXT NOT NULL,
    state     TEXT NOT NULL,
    statement BLOB NOT NULL,
    wraps     BLOB NOT NULL,
    payload   BLOB NOT NULL,
    body_key  BLOB,
    body      BLOB,
    log_index INTEGER,
    receipt   BLOB NOT NULL DEFAULT x'',
    reason    TEXT NOT NULL DEFAULT '',
    at        INTEGER NOT NULL,
    urgent    INTEGER NOT NULL DEFAULT 0,
    to_upload INTEGER NOT NULL DEFAULT 0,
    lifetime  INTEGER NOT NULL DEFAULT 0,
    logged_at INTEGER,
    anchored  INTEGER NOT NULL DEFAULT 0,
    position  INTEGER NOT NULL DEFAULT 0,
    closed_at INTEGER,
    key_erased INTEGER NOT NULL DEFAULT 0,
    content_erased INTEGER NOT NULL DEFAULT 0,
    gone      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX message_open ON message (id) WHERE closed_at IS NULL;
CREATE INDEX message_key ON message (closed_at) WHERE outgoing = 1 AND key_erased < 2;
CREATE INDEX message_content ON message (closed_at) WHERE content_erased < 2;
CREATE INDEX message_gone ON message (closed_at) WHERE gone != 1;
CREATE INDEX message_state ON message (outgoing, state, id);
CREATE INDEX message_queue ON message (to_upload, urgent DESC, id) WHERE outgoing = 1 AND state = 'queued';
CREATE INDEX message_unanchored ON message (log_index) WHERE outgoing = 1 AND state = 'accepted' AND NOT anchored;

CREATE TABLE recipient (
    header_id BLOB NOT NULL,
    position  INTEGER NOT NULL,
    member    TEXT NOT NULL,
    status    TEXT NOT NULL,
    log_index INTEGER,
    rewrapped INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (header_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX recipient_open ON recipient (header_id)
    WHERE status = 'waiting' OR status = 'refused:prekey_not_held';

-- Signed Statements on their way to the log; the same bytes are sent until a receipt comes.
CREATE TABLE publishing (
    id        INTEGER PRIMARY KEY,
    type      TEXT NOT NULL,
    statement BLOB NOT NULL,
    wrap      BLOB NOT NULL DEFAULT x'',
    members   BLOB NOT NULL DEFAULT x'',
    state     TEXT NOT NULL DEFAULT 'waiting',
    reason    TEXT NOT NULL DEFAULT '',
    log_index INTEGER,
    receipt   BLOB NOT NULL DEFAULT x'',
    logged_at INTEGER,
    anchored  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX publishing_index ON publishing (log_index);
CREATE INDEX publishing_state ON publishing (state, id);
CREATE INDEX publishing_unanchored ON publishing (log_index) WHERE state = 'accepted' AND NOT anchored;

-- Acknowledged here, and its `delivered` not signed yet: the node signs one for many.
CREATE TABLE unsigned (
    id        INTEGER PRIMARY KEY,
    header_id BLOB NOT NULL UNIQUE,
    log_index INTEGER NOT NULL,
    position  INTEGER NOT NULL
) STRICT;

-- May a message be wrapped again, for a prekey logged after it? A person's answer reaches as far as the
-- prekey that was asked about: another one is another question, whose number is never one used before.
CREATE TABLE question (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    header_id BLOB NOT NULL,
    position  INTEGER NOT NULL,
    member    TEXT NOT NULL,
    prekey_id BLOB NOT NULL,
    at        INTEGER NOT NULL,
    answer    INTEGER,
    UNIQUE (header_id, position)
) STRICT;

CREATE TABLE alarm (
    id    INTEGER PRIMARY KEY,
    kind  TEXT NOT NULL,
    about TEXT NOT NULL,
    text  TEXT NOT NULL,
    at    INTEGER NOT NULL,
    seen  INTEGER NOT NULL DEFAULT 0,
    notes BLOB NOT NULL DEFAULT x'',
    UNIQUE (kind, about)
) STRICT;
