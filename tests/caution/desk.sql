CREATE TABLE people (id integer PRIMARY KEY, code text, tag character(8), seen timestamptz, local timestamp, amount numeric(12,2));
CREATE TABLE cards (serial text, holder integer, UNIQUE (serial));
INSERT INTO people VALUES (1, 'a', 'x', '2026-01-01', '2026-01-01', 1), (2, 'B', 'y', '2026-01-02', '2026-01-02', 2);
