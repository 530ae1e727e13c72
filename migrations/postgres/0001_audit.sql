-- The audit store on PostgreSQL: what 0001 and 0002 are on SQLite, with a chain for each replica.
--
-- The head moves in the statement that appends. The triggers stop accidents and honest tools; whoever drops them is
-- found out by `celosia audit verify`.

CREATE TABLE audit_record (
    chain     text   NOT NULL,                     -- the replica's name
    seq       bigint NOT NULL CHECK (seq > 0),     -- dense, from 1
    at        bigint NOT NULL,                     -- milliseconds since the Unix epoch, UTC
    kind      text   NOT NULL CHECK (kind IN ('open', 'close', 'refused')),
    id        text   NOT NULL,
    body      text   NOT NULL,
    prev_hash bytea  NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash      bytea  NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (chain, seq)
);

CREATE TABLE audit_head (
    chain text   PRIMARY KEY,
    count bigint NOT NULL,
    hash  bytea  NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE TABLE audit_checkpoint (
    chain     text   NOT NULL,
    n         bigint NOT NULL CHECK (n > 0),
    seq       bigint NOT NULL,
    body      text   NOT NULL,
    signature bytea  NOT NULL,
    PRIMARY KEY (chain, n)
);

CREATE TABLE audit_tombstone (
    chain     text   NOT NULL,
    seq       bigint NOT NULL,
    body      text   NOT NULL,
    signature bytea  NOT NULL,
    PRIMARY KEY (chain, seq)
);

CREATE TABLE audit_cursor (
    chain text   NOT NULL,
    sink  text   NOT NULL,
    seq   bigint NOT NULL,
    PRIMARY KEY (chain, sink)
);

CREATE TABLE audit_data_key (
    id      text   PRIMARY KEY,
    subject text   NOT NULL,
    made    bigint NOT NULL,
    until   bigint NOT NULL,
    wrapped bytea  NOT NULL
);

CREATE INDEX audit_data_key_subject ON audit_data_key (subject);

CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only';
END $$;

CREATE FUNCTION audit_record_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit_tombstone WHERE chain = OLD.chain AND seq >= OLD.seq) THEN
        RAISE EXCEPTION 'the audit is append-only';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION audit_head_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.chain <> OLD.chain OR NEW.count <= OLD.count THEN
        RAISE EXCEPTION 'the audit head moves forward only';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER audit_record_not_updated BEFORE UPDATE ON audit_record
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_record_not_deleted BEFORE DELETE ON audit_record
    FOR EACH ROW EXECUTE FUNCTION audit_record_goes();
CREATE TRIGGER audit_record_not_truncated BEFORE TRUNCATE ON audit_record
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_head_moves_forward BEFORE UPDATE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_head_moves();
CREATE TRIGGER audit_head_not_deleted BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_tombstone_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_tombstone
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
