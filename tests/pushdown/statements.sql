-- joins
SELECT f.id, d.name FROM facts f JOIN dimensions d ON f.dimension = d.id
SELECT f.id, d.name FROM facts f LEFT JOIN dimensions d ON f.dimension = d.id AND d.colour = 'red'
SELECT f.id, d.id AS other FROM facts f RIGHT JOIN dimensions d ON f.dimension = d.id AND f.quantity > 3
SELECT f.id, d.id AS other FROM facts f FULL JOIN dimensions d ON f.dimension = d.id AND f.colour = d.colour
SELECT f.id, d.id AS other FROM (SELECT * FROM facts WHERE quantity = 2) f FULL JOIN (SELECT * FROM dimensions WHERE colour = 'red') d ON f.dimension = d.id
SELECT count(*) AS n FROM facts a CROSS JOIN dimensions d
SELECT a.id, b.id AS other FROM dimensions a JOIN dimensions b ON a.parent = b.id WHERE a.id > b.id
SELECT f.id, c.note FROM facts f LEFT JOIN (SELECT id, coalesce(name, 'none') AS note FROM dimensions WHERE id < 20) c ON f.dimension = c.id
SELECT f.id, d.id AS other FROM facts f JOIN dimensions d ON f.colour = d.colour WHERE f.id < 20
SELECT f.id FROM facts f JOIN dimensions d ON f.dimension = d.id JOIN dimensions p ON d.parent = p.id WHERE p.colour = 'blue'
SELECT f.id, p.name FROM facts f LEFT JOIN (dimensions d JOIN dimensions p ON d.parent = p.id) ON f.dimension = d.id WHERE f.id < 50
-- semi and anti joins
SELECT id FROM facts WHERE dimension IN (SELECT id FROM dimensions WHERE colour = 'red')
SELECT id FROM facts WHERE dimension NOT IN (SELECT id FROM dimensions WHERE colour = 'red')
SELECT id FROM facts WHERE dimension NOT IN (SELECT parent FROM dimensions)
SELECT id FROM facts f WHERE EXISTS (SELECT 1 FROM dimensions d WHERE d.id = f.dimension AND d.parent < f.quantity)
SELECT id FROM facts f WHERE NOT EXISTS (SELECT 1 FROM dimensions d WHERE d.id = f.dimension AND d.name IS NULL)
SELECT id FROM facts f WHERE quantity = 1 OR EXISTS (SELECT 1 FROM dimensions d WHERE d.id = f.dimension AND d.colour = 'blue')
SELECT id FROM dimensions d WHERE (SELECT count(*) FROM facts f WHERE f.dimension = d.id) > 6
SELECT id FROM facts f WHERE price > (SELECT avg(price) FROM facts g WHERE g.colour = f.colour)
SELECT id FROM facts WHERE price = (SELECT max(price) FROM facts)
-- aggregates
SELECT count(*) AS n, count(dimension) AS m, sum(quantity) AS q, sum(price) AS p, min(colour) AS c, max(sold) AS s FROM facts
SELECT colour, count(*) AS n, sum(price * (1 - 0.1)) AS p, avg(price) AS a, avg(quantity) AS b FROM facts GROUP BY colour
SELECT colour, count(*) FILTER (WHERE quantity > 4) AS n, sum(price) FILTER (WHERE dimension IS NULL) AS p FROM facts GROUP BY colour
SELECT count(*) FILTER (WHERE quantity > 400) AS n, sum(price) FILTER (WHERE quantity > 400) AS p FROM facts
SELECT dimension, count(DISTINCT colour) AS n, count(DISTINCT quantity) AS m, min(DISTINCT price) AS p FROM facts GROUP BY dimension
SELECT colour, sum(price) AS p FROM facts GROUP BY colour HAVING sum(price) > 20000 AND count(*) > 3
SELECT extract(month FROM sold) AS m, count(*) AS n FROM facts GROUP BY extract(month FROM sold) ORDER BY m
SELECT CASE WHEN quantity > 4 THEN 'many' ELSE 'few' END AS k, sum(price) AS p FROM facts GROUP BY 1
SELECT CASE WHEN quantity > 6 THEN 'many' WHEN quantity > 3 THEN 'some' ELSE 'few' END AS k, count(*) AS n FROM facts WHERE quantity IS NOT NULL GROUP BY 1 ORDER BY 1
SELECT d.colour, sum(f.price) AS p FROM facts f JOIN dimensions d ON f.dimension = d.id GROUP BY d.colour ORDER BY d.colour
SELECT max(p) AS p FROM (SELECT colour, sum(price) AS p FROM facts GROUP BY colour) x
SELECT sum(id) AS s, avg(id) AS a FROM facts
SELECT DISTINCT colour, quantity FROM facts
SELECT DISTINCT t FROM cases
SELECT t, count(*) AS n FROM cases GROUP BY t
SELECT b, count(*) AS n FROM cases GROUP BY b
SELECT d, count(*) AS n FROM cases GROUP BY d
SELECT z, count(*) AS n, min(i) AS i FROM cases GROUP BY z
SELECT f, count(*) AS n FROM cases GROUP BY f
SELECT a.id FROM cases a JOIN cases b ON a.t = b.t
SELECT a.id FROM cases a JOIN cases b ON a.d = b.e
SELECT a.id FROM cases a JOIN cases b ON a.i = b.n
SELECT count(*) AS n FROM facts WHERE false
SELECT sum(quantity) AS q FROM facts WHERE id < 0
SELECT colour, quantity, count(*) AS n FROM facts GROUP BY ROLLUP (colour, quantity)
SELECT colour, avg(price) AS p, sum(id) AS s FROM facts GROUP BY ROLLUP (colour)
SELECT date_trunc('month', z) AS m, count(*) AS n FROM cases GROUP BY 1
SELECT id, t || t || t AS v, replace(t, 'b', 'bb') AS w FROM cases
SELECT stddev(quantity) AS s, var_pop(quantity) AS v FROM facts
-- order, limit
SELECT id, price FROM facts ORDER BY price DESC, id LIMIT 7
SELECT id, price FROM facts ORDER BY price DESC, id LIMIT 7 OFFSET 5
SELECT id, dimension FROM facts ORDER BY dimension NULLS FIRST, id LIMIT 40
SELECT id, dimension FROM facts ORDER BY dimension DESC NULLS LAST, id LIMIT 40
SELECT t, id FROM cases ORDER BY t, id
SELECT d.colour, sum(f.price) AS p FROM facts f JOIN dimensions d ON f.dimension = d.id GROUP BY d.colour ORDER BY p DESC LIMIT 2
SELECT * FROM (SELECT id, price FROM facts ORDER BY price DESC, id LIMIT 10) x WHERE price < 400 ORDER BY id
SELECT x.colour, count(*) AS n FROM (SELECT colour FROM facts ORDER BY id LIMIT 100) x GROUP BY x.colour
-- union
SELECT id FROM facts WHERE quantity = 1 UNION ALL SELECT id FROM dimensions
SELECT colour FROM facts UNION SELECT colour FROM dimensions
SELECT colour, count(*) AS n FROM (SELECT colour FROM facts UNION ALL SELECT colour FROM dimensions) u GROUP BY colour
SELECT id FROM facts WHERE dimension IS NULL UNION ALL (SELECT id FROM dimensions ORDER BY id LIMIT 3)
SELECT colour FROM facts INTERSECT SELECT colour FROM dimensions
SELECT colour FROM dimensions EXCEPT SELECT colour FROM facts
-- windows
SELECT id, row_number() OVER (PARTITION BY colour ORDER BY price, id) AS r FROM facts
SELECT * FROM (SELECT id, colour, row_number() OVER (PARTITION BY colour ORDER BY price DESC, id) AS r FROM facts) x WHERE r <= 2
SELECT id, sum(price) OVER (PARTITION BY colour) AS p FROM facts
SELECT id, sum(price) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS p FROM facts
SELECT id, sum(price) OVER (PARTITION BY colour ORDER BY id) AS p, rank() OVER (ORDER BY quantity) AS r FROM facts
SELECT colour, sum(price) AS p, rank() OVER (ORDER BY sum(price) DESC) AS r FROM facts GROUP BY colour
SELECT id, lag(price) OVER (PARTITION BY colour ORDER BY id) AS p, lead(quantity) OVER (ORDER BY id) AS q FROM facts
-- expressions
SELECT id FROM cases WHERE substring(t FROM 1 FOR 1) = 'a'
SELECT id FROM cases WHERE length(t) > 3 AND t LIKE '%b%'
SELECT id FROM cases WHERE coalesce(i, 0) > 2 OR b
SELECT id FROM cases WHERE b IS NOT TRUE
SELECT id, i + s AS v, d * e AS w FROM cases WHERE i + s > 10
SELECT id FROM cases WHERE d + e > 5 AND d * 2 < 100
SELECT id FROM cases WHERE extract(year FROM y) = 2024
SELECT id FROM cases WHERE lower(t) = 'abc'
SELECT id, i / nullif(s, 0) AS v FROM cases WHERE s <> -1
SELECT count(*) AS n FROM cases WHERE z >= timestamp '1970-01-01 00:00:00' AND z < timestamp '2030-01-01 00:00:00'
SELECT count(*) AS n FROM cases WHERE y BETWEEN date '1960-01-01' AND date '2025-01-01'
SELECT count(*) AS n FROM cases c JOIN facts f ON c.y = f.sold
WITH r AS (SELECT colour, sum(price) AS p FROM facts GROUP BY colour) SELECT a.colour FROM r a JOIN r b ON a.p = b.p
SELECT d.id, x.n FROM dimensions d JOIN (SELECT dimension, count(*) AS n FROM facts GROUP BY dimension) x ON x.dimension = d.id WHERE x.n > 6
-- names
SELECT c2, count(*) AS n, c1 FROM numbered GROUP BY c2, c1 ORDER BY c1 NULLS FIRST, c2 LIMIT 3
SELECT x.c2, x.k, x.c3 FROM (SELECT c2, coalesce(c1, 7) AS k, c3 FROM numbered ORDER BY c3 LIMIT 9) x WHERE x.k > 1 ORDER BY x.c3 LIMIT 5
SELECT a.c1, b.c1 AS d, row_number() OVER (ORDER BY a.c3) AS r FROM numbered a LEFT JOIN numbered b ON a.c3 = b.c1 ORDER BY a.c3 LIMIT 4
SELECT id FROM facts WHERE colour IN ('red', 'green', 'a"b', 'back\slash', 'comma,', '{brace}', 'NULL', 'null', ' ', 'blue ', 'w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7', 'w8', 'w9', 'w10', 'w11', 'w12', 'w13', 'w14') ORDER BY id
SELECT id FROM facts WHERE colour NOT IN ('red', 'green', 'a"b', 'back\slash', 'comma,', '{brace}', 'NULL', 'null', ' ', 'blue ', 'w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7', 'w8', 'w9', 'w10', 'w11', 'w12', 'w13', 'w14') ORDER BY id
SELECT id FROM facts WHERE dimension IN (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 2147483648) ORDER BY id
SELECT id FROM facts WHERE price IN (13.01, 26.02, 39.03, 52.04, 65.05, 78.06, 91.07, 104.08, 117.09, 130.10, 143.11, 156.12, 169.13, 182.14, 195.15, 208.16, 221.17, 234.18, 247.19, 260.20, 273.21, 286.22, 299.23, 312.24) ORDER BY id
SELECT id FROM facts WHERE sold IN (DATE '2024-02-02', DATE '2024-03-03', DATE '2024-04-04', DATE '2024-05-05', DATE '2024-06-06', DATE '2024-07-07', DATE '2024-08-08', DATE '2024-09-09', DATE '2024-10-10', DATE '2024-11-11', DATE '2024-12-12', DATE '2024-01-13', DATE '2024-02-14', DATE '2024-03-15', DATE '2024-04-16', DATE '2024-05-17', DATE '2024-06-18', DATE '2024-07-19', DATE '2024-08-20', DATE '2024-09-21', DATE '2024-10-22', DATE '2024-11-23', DATE '2024-12-24') ORDER BY id
-- functions
SELECT to_char(sold, 'YYYY-MM') AS m, count(*) AS n, sum(price) AS p FROM facts GROUP BY 1 ORDER BY 1
SELECT to_char(z, 'FMDD Mon YYYY HH24:MI') AS v, count(*) AS n FROM cases GROUP BY 1
SELECT id FROM cases WHERE to_char(y, 'YYYY') = '2024'
SELECT id, to_char(d, 'FM999,999,990.00') AS v FROM cases WHERE d > 0
SELECT id, to_char(f, '9990.00') AS v FROM cases
SELECT id FROM cases WHERE t LIKE 'a!%%' ESCAPE '!'
SELECT id FROM cases WHERE t ILIKE 'a%' ORDER BY id
SELECT id, extract(second FROM z) AS s, extract(week FROM y) AS w, extract(isodow FROM y) AS d FROM cases
SELECT id FROM cases WHERE y >= to_date('31.12.1969', 'DD.MM.YYYY')
-- grouping sets
SELECT colour, quantity, grouping(colour) AS g, grouping(quantity) AS h, count(*) AS n, sum(price) AS p FROM facts GROUP BY ROLLUP (colour, quantity)
SELECT colour, quantity, count(*) AS n, avg(price) AS a FROM facts GROUP BY CUBE (colour, quantity)
SELECT colour, dimension, sum(price) AS p, count(DISTINCT quantity) AS q FROM facts GROUP BY GROUPING SETS ((colour), (dimension), ())
SELECT d.colour, extract(month FROM f.sold) AS m, sum(f.price) AS p FROM facts f JOIN dimensions d ON f.dimension = d.id GROUP BY ROLLUP (d.colour, extract(month FROM f.sold)) ORDER BY d.colour, m, p
SELECT colour, count(*) AS n FROM facts GROUP BY ROLLUP (colour) HAVING grouping(colour) = 1 OR count(*) > 50
SELECT colour, count(*) AS n FROM facts WHERE id < 0 GROUP BY ROLLUP (colour)
SELECT dimension, grouping(dimension) AS g, sum(dimension) AS s FROM facts GROUP BY CUBE (dimension) ORDER BY g, dimension
SELECT t, b, count(*) AS n FROM cases GROUP BY ROLLUP (t, b)
SELECT x.colour, x.n FROM (SELECT colour, quantity, count(*) AS n FROM facts GROUP BY ROLLUP (colour, quantity)) x WHERE x.n > 20
SELECT colour, colour AS c, count(*) AS n FROM facts GROUP BY ROLLUP (colour), CUBE (quantity)
