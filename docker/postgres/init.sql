-- The shop of docker-compose.yml and the login that Celosia reads it by. Run once, by a superuser, in
-- the database `shop`, when the volume is made.
\set ON_ERROR_STOP on
\set reader_password `cat "${READER_PASSWORD_FILE:-/run/secrets/reader_password}"`

BEGIN;

-- Nobody gets anything by being somebody.
REVOKE ALL ON DATABASE shop FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- Any login could make large objects, outside of every table.
REVOKE EXECUTE ON FUNCTION
    pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid), pg_catalog.lo_from_bytea(oid, bytea),
    pg_catalog.lo_open(oid, integer), pg_catalog.lo_put(oid, bigint, bytea),
    pg_catalog.lo_truncate(integer, integer), pg_catalog.lo_truncate64(integer, bigint),
    pg_catalog.lo_unlink(oid), pg_catalog.lowrite(integer, bytea)
FROM PUBLIC;

-- The owner of the tables, whom nobody logs in as.
CREATE ROLE shop_owner NOLOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO shop_owner;
CREATE SCHEMA internal AUTHORIZATION shop_owner;

-- The login of Celosia: it connects and selects. The settings are a second line: a session may change
-- them, a privilege it may not.
CREATE ROLE celosia_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION
    NOBYPASSRLS CONNECTION LIMIT 20 PASSWORD :'reader_password';
ALTER ROLE celosia_reader SET default_transaction_read_only = on;
ALTER ROLE celosia_reader SET statement_timeout = '60s';
ALTER ROLE celosia_reader SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE celosia_reader SET temp_file_limit = '1GB';
GRANT CONNECT ON DATABASE shop TO celosia_reader;
GRANT USAGE ON SCHEMA public TO celosia_reader;

SET ROLE shop_owner;

CREATE TABLE public.customers (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    phone text NOT NULL,
    tax_id text NOT NULL,
    birth_date date NOT NULL,
    city text NOT NULL,
    region text NOT NULL CHECK (region IN ('EU', 'US', 'APAC', 'LATAM')),
    created_at timestamptz NOT NULL
);
CREATE TABLE public.products (
    id integer PRIMARY KEY,
    name text NOT NULL,
    category text NOT NULL,
    price numeric(10, 2) NOT NULL
);
CREATE TABLE public.orders (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES public.customers,
    ordered_at timestamptz NOT NULL,
    status text NOT NULL,
    total numeric(12, 2) NOT NULL
);
CREATE TABLE public.order_items (
    id integer PRIMARY KEY,
    order_id integer NOT NULL REFERENCES public.orders,
    product_id integer NOT NULL REFERENCES public.products,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price numeric(10, 2) NOT NULL
);
-- Beside the shop, and none of Celosia's business.
CREATE TABLE internal.password_hashes (
    customer_id integer PRIMARY KEY REFERENCES public.customers,
    hash text NOT NULL
);
CREATE INDEX customers_region ON public.customers (region);
CREATE INDEX orders_customer_id ON public.orders (customer_id);
CREATE INDEX orders_ordered_at ON public.orders (ordered_at);
CREATE INDEX order_items_order_id ON public.order_items (order_id);
CREATE INDEX order_items_product_id ON public.order_items (product_id);

COMMENT ON TABLE public.customers IS 'People who have an account in the shop';
COMMENT ON TABLE public.products IS 'What the shop sells';
COMMENT ON TABLE public.orders IS 'What was ordered, and where the order stands';
COMMENT ON TABLE public.order_items IS 'The lines of the orders';
COMMENT ON COLUMN public.orders.total IS 'Sum of its lines, in euros';
COMMENT ON COLUMN public.order_items.unit_price IS 'Price of one piece when it was ordered, in euros';

-- People who do not exist: the same ones every time.
INSERT INTO public.customers
SELECT id, given || ' ' || family,
    translate(lower(given || '.' || family), 'äéöñíÍłŁóúçã ''', 'aeoniillouca') || id || '@example.'
        || (ARRAY['com', 'com', 'org', 'net'])[1 + id % 4],
    prefix || ' 5550 ' || lpad((id * 7919 % 10000)::text, 4, '0'),
    code || ' ' || lpad((id * 48271::bigint % 1000000000)::text, 9, '0'),
    date '1948-01-01' + id * 3571 % 21000,
    city, region, timestamptz '2022-01-01 08:00:00+00' + id * interval '19 hours 7 minutes'
FROM generate_series(1, 2000) AS id
CROSS JOIN LATERAL (VALUES
    (0, 'Jörg', 'Schäfer', 'München', 'EU', '+49 30', 'DE'),
    (1, 'Chloé', 'Moreau', 'Lyon', 'EU', '+33 1', 'FR'),
    (2, 'Íñigo', 'Núñez', 'Málaga', 'EU', '+34 91', 'ES'),
    (3, 'Paweł', 'Król', 'Łódź', 'EU', '+48 22', 'PL'),
    (4, 'Emily', 'Harris', 'Austin', 'US', '+1 202', 'US'),
    (5, 'José', 'Castillo', 'Boston', 'US', '+1 202', 'US'),
    (6, 'Priya', 'Nair', 'Chennai', 'APAC', '+91 80', 'IN'),
    (7, 'Jack', 'O''Brien', 'Perth', 'APAC', '+61 3', 'AU'),
    (8, 'João', 'Gonçalves', 'São Paulo', 'LATAM', '+55 11', 'BR'),
    (9, 'Mónica', 'Ríos', 'Mérida', 'LATAM', '+52 55', 'MX')
) AS person (number, given, family, city, region, prefix, code)
WHERE number = (id * 7 + id / 10) % 10;

INSERT INTO public.products
SELECT id, material || ' ' || thing, category, 4.90 + id * 7919 % 24000 / 100.0
FROM generate_series(1, 60) AS id
JOIN (VALUES (0, 'Oak'), (1, 'Steel'), (2, 'Linen'), (3, 'Copper'), (4, 'Felt'), (5, 'Glass'))
    AS materials (m, material) ON m = id % 6
JOIN (VALUES
    (0, 'tray', 'Kitchen'), (1, 'bowl', 'Kitchen'), (2, 'lamp', 'Home'), (3, 'frame', 'Home'),
    (4, 'planter', 'Garden'), (5, 'bird feeder', 'Garden'), (6, 'desk mat', 'Office'),
    (7, 'pen holder', 'Office'), (8, 'bottle', 'Outdoor'), (9, 'mug', 'Outdoor')
) AS things (t, thing, category) ON t = id / 6 % 10;

INSERT INTO public.orders
SELECT id, 1 + (id * 7919::bigint * (1 + id % 13)) % 2000,
    timestamptz '2025-01-01 00:00:00+00' + id * interval '64 minutes',
    (ARRAY['delivered', 'delivered', 'delivered', 'shipped', 'processing', 'cancelled'])
        [1 + id * 31 % 6],
    0
FROM generate_series(1, 10000) AS id;

INSERT INTO public.order_items
SELECT row_number() OVER (ORDER BY orders.id, line), orders.id, products.id,
    1 + (orders.id + line) % 4, products.price
FROM public.orders
CROSS JOIN LATERAL generate_series(1, 1 + orders.id % 4) AS line
JOIN public.products ON products.id = 1 + (orders.id * 17 + line * 23) % 60;

UPDATE public.orders SET total = lines.total
FROM (
    SELECT order_id, sum(quantity * unit_price) AS total FROM public.order_items GROUP BY order_id
) AS lines
WHERE lines.order_id = orders.id;

INSERT INTO internal.password_hashes
SELECT id, 'argon2id$' || md5('not a password ' || id) FROM public.customers;

-- Table by table: what is added later stays closed until somebody opens it.
GRANT SELECT ON public.customers, public.products, public.orders, public.order_items
    TO celosia_reader;

RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM shop_owner;

COMMIT;

ANALYZE;
