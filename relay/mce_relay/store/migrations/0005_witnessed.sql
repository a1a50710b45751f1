-- The newest note of this size that had its quorum: a later anchor of the same size begins without witnesses.
ALTER TABLE anchors ADD COLUMN witnessed BLOB;
-- So far nobody could cosign: each was of a Directory with 0 of 0 witnesses.
UPDATE anchors SET witnessed = note;
