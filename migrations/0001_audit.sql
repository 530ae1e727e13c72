-- The audit store: an append-only, hash-chained list of records, and its head.
--
-- The head moves in the transaction of the record that moves it, so a cut tail is noticed. The triggers
-- stop accidents and honest tools; whoever drops them is found out by `celosia audit verify`.

CREATE TABLE audit_record (
    seq       INTEGER PRIMARY KEY CHECK (seq > 0), -- dense, from 1
    at        INTEGER NOT NULL,                    -- milliseconds since the Unix epoch, UTC
    kind      TEXT    NOT NULL CHECK (kind IN ('open', 'close', 'refused')),
    id        TEXT    NOT NULL,                    -- the statement's id, as in its receipt
    body      TEXT    NOT NULL,                    -- compact JSON with a fixed order of keys
    prev_hash BLOB    NOT NULL CHECK (length(prev_hash) = 32),
    hash      BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TABLE audit_head (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL,
    hash  BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

INSERT INTO audit_head (id, count, hash) VALUES (1, 0, zeroblob(32));

CREATE TRIGGER audit_record_follows BEFORE INSERT ON audit_record
WHEN NOT EXISTS (SELECT 1 FROM audit_head WHERE count = NEW.seq - 1 AND hash = NEW.prev_hash)
BEGIN
    SELECT RAISE(ABORT, 'audit chain has moved on');
END;

CREATE TRIGGER audit_record_moves_head AFTER INSERT ON audit_record
BEGIN
    UPDATE audit_head SET count = NEW.seq, hash = NEW.hash;
END;

CREATE TRIGGER audit_record_not_updated BEFORE UPDATE ON audit_record
BEGIN
    SELECT RAISE(ABORT, 'audit records are append-only');
END;

CREATE TRIGGER audit_record_not_deleted BEFORE DELETE ON audit_record
BEGIN
    SELECT RAISE(ABORT, 'audit records are append-only');
END;

CREATE TRIGGER audit_head_moves_forward BEFORE UPDATE ON audit_head
WHEN NEW.id <> OLD.id OR NEW.count <> OLD.count + 1
  OR NOT EXISTS (SELECT 1 FROM audit_record WHERE seq = NEW.count AND hash = NEW.hash)
BEGIN
    SELECT RAISE(ABORT, 'the audit head moves with its records only');
END;

CREATE TRIGGER audit_head_not_deleted BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the audit head is not deleted');
END;
