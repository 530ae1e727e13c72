-- The support desk: the third part of the story, whose customers are in Oracle and whose orders are in SQL Server. Run once,
-- by a superuser, in the database `shop`, after init.sql has made the login that Celosia reads by.
\set ON_ERROR_STOP on

BEGIN;

CREATE ROLE support_owner NOLOGIN;
CREATE SCHEMA support AUTHORIZATION support_owner;
GRANT USAGE ON SCHEMA support TO celosia_reader;

SET ROLE support_owner;

CREATE TABLE support.tickets (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL,
    opened_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'waiting', 'closed')),
    priority integer NOT NULL CHECK (priority BETWEEN 1 AND 4),
    subject text NOT NULL,
    -- What the customer wrote: people write anything.
    body text NOT NULL
);
CREATE INDEX tickets_customer_id ON support.tickets (customer_id);
COMMENT ON TABLE support.tickets IS 'What customers asked the support desk';
COMMENT ON COLUMN support.tickets.customer_id IS 'The customer''s number in the CRM';
COMMENT ON COLUMN support.tickets.priority IS '1 is urgent, 4 can wait';

INSERT INTO support.tickets
SELECT id, 1 + (id * 17 + id / 2) % 24,
    timestamptz '2026-01-05 08:00:00+00' + id * interval '31 hours',
    (ARRAY['closed', 'closed', 'open', 'waiting'])[1 + id % 4], 1 + id * 7 % 4,
    (ARRAY['Where is my order?', 'A part is missing', 'I want to return it', 'The invoice is wrong'])[1 + id % 4],
    'Please call me at +49 30 5550 ' || lpad((id * 31 % 10000)::text, 4, '0')
FROM generate_series(1, 60) AS id;

-- The text itself is nobody's business at the source already: a right by column.
GRANT SELECT (id, customer_id, opened_at, status, priority, subject) ON support.tickets TO celosia_reader;

RESET ROLE;

COMMIT;

ANALYZE support.tickets;
