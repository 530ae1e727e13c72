-- What proves the chain from outside of it, and what follows it: signed checkpoints, what retention took away,
-- how far each sink has come, and the keys of raw statements.
--
-- None of it is covered by the chain: checkpoints and tombstones carry signatures of their own, a cursor may fall
-- back (a sink then gets a record twice), and a data key may be destroyed, which is its purpose.

CREATE TABLE audit_checkpoint (
    chain     TEXT    NOT NULL,
    n         INTEGER NOT NULL CHECK (n > 0),      -- dense, from 1
    seq       INTEGER NOT NULL,                    -- the last record of its segment
    body      TEXT    NOT NULL,                    -- what is signed
    signature BLOB    NOT NULL,
    PRIMARY KEY (chain, n)
) STRICT;

CREATE TABLE audit_tombstone (
    chain     TEXT    NOT NULL,
    seq       INTEGER NOT NULL,                    -- the last record that was taken away
    body      TEXT    NOT NULL,
    signature BLOB    NOT NULL,
    PRIMARY KEY (chain, seq)
) STRICT;

CREATE TABLE audit_cursor (
    chain TEXT    NOT NULL,
    sink  TEXT    NOT NULL,
    seq   INTEGER NOT NULL,                        -- the last record it has
    PRIMARY KEY (chain, sink)
) STRICT;

CREATE TABLE audit_data_key (
    id      TEXT    NOT NULL PRIMARY KEY,
    subject TEXT    NOT NULL,
    made    INTEGER NOT NULL,                      -- milliseconds since the Unix epoch, UTC
    until   INTEGER NOT NULL,                      -- nothing is encrypted under it from then on
    wrapped BLOB    NOT NULL
) STRICT;

CREATE INDEX audit_data_key_subject ON audit_data_key (subject);

-- A record goes with the segment that a tombstone stands for, and not otherwise.
DROP TRIGGER audit_record_not_deleted;

CREATE TRIGGER audit_record_not_deleted BEFORE DELETE ON audit_record
WHEN NOT EXISTS (SELECT 1 FROM audit_tombstone WHERE seq >= OLD.seq)
BEGIN
    SELECT RAISE(ABORT, 'audit records are append-only');
END;

CREATE TRIGGER audit_checkpoint_not_updated BEFORE UPDATE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit checkpoints are append-only');
END;

CREATE TRIGGER audit_checkpoint_not_deleted BEFORE DELETE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit checkpoints are append-only');
END;

CREATE TRIGGER audit_tombstone_not_updated BEFORE UPDATE ON audit_tombstone
BEGIN
    SELECT RAISE(ABORT, 'audit tombstones are append-only');
END;

CREATE TRIGGER audit_tombstone_not_deleted BEFORE DELETE ON audit_tombstone
BEGIN
    SELECT RAISE(ABORT, 'audit tombstones are append-only');
END;
