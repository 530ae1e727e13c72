-- The customers of the story, in the schema of whoever runs this. A line `/` ends a statement.
CREATE TABLE customers (
    id NUMBER(9) NOT NULL CONSTRAINT customers_pk PRIMARY KEY,
    name VARCHAR2(100 CHAR) NOT NULL,
    email VARCHAR2(200 CHAR) NOT NULL,
    region VARCHAR2(8 CHAR) NOT NULL,
    segment VARCHAR2(16 CHAR) NOT NULL,
    since DATE NOT NULL
)
/
COMMENT ON TABLE customers IS 'People and companies that buy'
/
COMMENT ON COLUMN customers.region IS 'Sales region: EU, US, APAC or LATAM'
/
INSERT INTO customers VALUES (1, 'Ana Ruiz', 'ana.ruiz@example.org', 'EU', 'company', DATE '2021-02-26')
/
INSERT INTO customers VALUES (2, 'Bo Lind', 'bo.lind@example.net', 'EU', 'public', DATE '2021-04-20')
/
INSERT INTO customers VALUES (3, 'Cy Young', 'cy.young@example.com', 'US', 'consumer', DATE '2021-06-12')
/
INSERT INTO customers VALUES (4, 'Di Vega', 'di.vega@example.org', 'LATAM', 'company', DATE '2021-08-04')
/
INSERT INTO customers VALUES (5, 'Emil Novak', 'emil.novak@example.net', 'EU', 'public', DATE '2021-09-26')
/
INSERT INTO customers VALUES (6, 'Fay Okoro', 'fay.okoro@example.com', 'EU', 'consumer', DATE '2021-11-18')
/
INSERT INTO customers VALUES (7, 'Gus Meyer', 'gus.meyer@example.org', 'EU', 'company', DATE '2022-01-10')
/
INSERT INTO customers VALUES (8, 'Hana Sato', 'hana.sato@example.net', 'APAC', 'public', DATE '2022-03-04')
/
INSERT INTO customers VALUES (9, 'Ivo Horvat', 'ivo.horvat@example.com', 'EU', 'consumer', DATE '2022-04-26')
/
INSERT INTO customers VALUES (10, 'June Park', 'june.park@example.org', 'APAC', 'company', DATE '2022-06-18')
/
INSERT INTO customers VALUES (11, 'Kai Winter', 'kai.winter@example.net', 'EU', 'public', DATE '2022-08-10')
/
INSERT INTO customers VALUES (12, 'Lia Costa', 'lia.costa@example.com', 'EU', 'consumer', DATE '2022-10-02')
/
INSERT INTO customers VALUES (13, 'Max Stone', 'max.stone@example.org', 'US', 'company', DATE '2022-11-24')
/
INSERT INTO customers VALUES (14, 'Nora Dahl', 'nora.dahl@example.net', 'EU', 'public', DATE '2023-01-16')
/
INSERT INTO customers VALUES (15, 'Omar Haddad', 'omar.haddad@example.com', 'APAC', 'consumer', DATE '2023-03-10')
/
INSERT INTO customers VALUES (16, 'Pia Rossi', 'pia.rossi@example.org', 'EU', 'company', DATE '2023-05-02')
/
INSERT INTO customers VALUES (17, 'Quinn Reed', 'quinn.reed@example.net', 'US', 'public', DATE '2023-06-24')
/
INSERT INTO customers VALUES (18, 'Rosa Lima', 'rosa.lima@example.com', 'LATAM', 'consumer', DATE '2023-08-16')
/
INSERT INTO customers VALUES (19, 'Sven Falk', 'sven.falk@example.org', 'EU', 'company', DATE '2023-10-08')
/
INSERT INTO customers VALUES (20, 'Tess Grant', 'tess.grant@example.net', 'US', 'public', DATE '2023-11-30')
/
INSERT INTO customers VALUES (21, 'Uma Iyer', 'uma.iyer@example.com', 'APAC', 'consumer', DATE '2024-01-22')
/
INSERT INTO customers VALUES (22, 'Vito Serra', 'vito.serra@example.org', 'EU', 'company', DATE '2024-03-15')
/
INSERT INTO customers VALUES (23, 'Wren Cole', 'wren.cole@example.net', 'US', 'public', DATE '2024-05-07')
/
INSERT INTO customers VALUES (24, 'Yara Silva', 'yara.silva@example.com', 'LATAM', 'consumer', DATE '2024-06-29')
/
COMMIT
/
