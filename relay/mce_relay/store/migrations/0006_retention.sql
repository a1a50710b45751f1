-- Below this index the bytes of private Statements have been deleted; their entries stay, and the tree.
CREATE TABLE retention (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    kept_from INTEGER NOT NULL
) STRICT;
