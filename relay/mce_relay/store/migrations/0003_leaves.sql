-- Entries by themselves: a start and every answer read thousands of them, and no Statement with them.
CREATE INDEX leaves ON entries (idx, entry);
