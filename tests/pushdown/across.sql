-- Statements over two sources, one to a line: `few` has 60 rows, `middle` 9,000, `many` 30,000.
SELECT f.name, count(*) AS n, sum(m.price) AS s FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id WHERE f.id BETWEEN 3 AND 5 GROUP BY f.name ORDER BY f.name
SELECT f.name, m.id, m.price FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id WHERE f.colour = 'red' AND m.price > 90 ORDER BY m.id
SELECT f.name, m.id FROM right_side.many m JOIN left_side.few f ON m.few_id = f.id WHERE f.colour = 'blue' AND m.id < 500 ORDER BY m.id
SELECT f.name, m.id FROM left_side.few f LEFT JOIN right_side.many m ON m.few_id = f.id AND m.price < 1 WHERE f.id < 20 ORDER BY f.id, m.id
SELECT f.name, m.id FROM right_side.many m LEFT JOIN left_side.few f ON m.few_id = f.id WHERE m.id IN (1, 2, 3, 18) ORDER BY m.id
SELECT f.name, m.id FROM right_side.many m RIGHT JOIN left_side.few f ON m.few_id = f.id AND m.id < 40 ORDER BY f.id, m.id
SELECT f.name, m.id FROM right_side.many m FULL JOIN left_side.few f ON m.few_id = f.id WHERE m.id < 40 OR m.id IS NULL ORDER BY f.id, m.id
SELECT f.id FROM left_side.few f WHERE f.id IN (SELECT m.few_id FROM right_side.many m WHERE m.price > 98) ORDER BY f.id
SELECT m.id FROM right_side.many m WHERE m.few_id IN (SELECT f.id FROM left_side.few f WHERE f.colour = 'red') AND m.id < 900 ORDER BY m.id
SELECT f.id FROM left_side.few f WHERE NOT EXISTS (SELECT 1 FROM right_side.many m WHERE m.few_id = f.id AND m.price > 98.5) ORDER BY f.id
SELECT m.id FROM right_side.many m WHERE m.few_id NOT IN (SELECT f.id FROM left_side.few f WHERE f.colour = 'red') AND m.id < 300 ORDER BY m.id
SELECT count(*) AS n FROM right_side.many m WHERE NOT EXISTS (SELECT 1 FROM left_side.few f WHERE f.id = m.few_id)
SELECT f.name, count(*) AS n FROM left_side.few f JOIN right_side.many m ON m.colour = f.name GROUP BY f.name ORDER BY f.name
SELECT d.id, m.id FROM left_side.middle d JOIN right_side.many m ON m.middle_id = d.id WHERE d.weight < 20 AND m.price < 10 ORDER BY d.id, m.id
SELECT count(*) AS n, sum(m.price) AS s FROM left_side.middle d JOIN right_side.many m ON m.middle_id = d.id
SELECT d.weight, count(*) AS n FROM right_side.many m JOIN left_side.middle d ON m.middle_id = d.id WHERE m.id > 100 GROUP BY d.weight ORDER BY d.weight
SELECT count(*) AS n FROM left_side.many a JOIN right_side.many b ON a.id = b.id
SELECT count(*) AS n FROM left_side.many a JOIN right_side.middle b ON a.id = b.id WHERE a.price > 50
SELECT f.name, x.n FROM left_side.few f JOIN (SELECT few_id, count(*) AS n FROM right_side.many GROUP BY few_id) x ON x.few_id = f.id WHERE f.id < 4 ORDER BY f.name
SELECT f.name, x.id FROM left_side.few f JOIN (SELECT few_id, id FROM right_side.many ORDER BY id LIMIT 10) x ON x.few_id = f.id ORDER BY x.id
SELECT f.name, m.id, d.weight FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id JOIN left_side.middle d ON d.id = m.middle_id WHERE f.id = 7 AND m.price > 80 ORDER BY m.id
SELECT f.name, x.id FROM left_side.few f JOIN (SELECT few_id, id FROM right_side.many WHERE id < 50 UNION ALL SELECT few_id, id FROM right_side.many WHERE id > 29950) x ON x.few_id = f.id WHERE f.id < 9 ORDER BY x.id
SELECT f.id, m.id FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id AND m.sold = f.since WHERE f.id < 30 ORDER BY f.id, m.id
SELECT f.id, m.id FROM left_side.few f JOIN right_side.many m ON m.sold = f.since ORDER BY f.id, m.id LIMIT 50
SELECT f.id, m.id FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id AND m.price > f.id WHERE f.id > 50 ORDER BY f.id, m.id
SELECT count(*) AS n FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id WHERE f.id < 0
SELECT count(*) AS n FROM left_side.few f JOIN right_side.many m ON m.few_id = f.parent
SELECT f.id, (SELECT max(m.price) FROM right_side.many m WHERE m.few_id = f.id) AS most FROM left_side.few f WHERE f.id < 6 ORDER BY f.id
SELECT v.k, m.id FROM (VALUES (1), (2), (NULL)) v (k) JOIN right_side.many m ON m.few_id = v.k WHERE m.id < 200 ORDER BY m.id
SELECT a.id, b.id FROM left_side.few a JOIN right_side.few b ON a.parent IS NOT DISTINCT FROM b.parent WHERE a.id < 12 AND b.id < 12 ORDER BY a.id, b.id
SELECT d.weight, count(*) AS n, count(m.few_id) AS c, sum(m.price) AS s, min(m.sold) AS a, max(m.price) AS z, avg(m.price) AS v FROM left_side.middle d JOIN right_side.many m ON m.middle_id = d.id GROUP BY d.weight ORDER BY d.weight
SELECT f.colour, m.colour AS other, count(*) AS n, sum(m.id) AS s FROM left_side.few f JOIN right_side.many m ON m.few_id = f.parent WHERE f.id < 40 GROUP BY f.colour, m.colour ORDER BY f.colour, m.colour
SELECT count(*) AS n, sum(m.price) AS s, min(m.price) AS a, count(m.id) AS c FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id + 1000
SELECT count(*) AS n, sum(m.price) AS s, count(m.id) AS c FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id WHERE f.name = 'nobody'
SELECT f.name, sum(m.price) AS s, sum(f.id) AS t FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id GROUP BY f.name ORDER BY f.name
SELECT f.name, sum(m.price * 2) AS s, count(DISTINCT m.sold) AS d FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id GROUP BY f.name ORDER BY f.name
SELECT upper(f.name) AS u, extract(year FROM m.sold) AS y, count(*) AS n FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id GROUP BY upper(f.name), extract(year FROM m.sold) ORDER BY u, y
SELECT f.name, count(*) AS n FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id JOIN left_side.middle d ON d.id = m.middle_id GROUP BY f.name HAVING count(*) > 100 ORDER BY n DESC, f.name LIMIT 5
SELECT f.colour, f.name, count(*) AS n, sum(m.price) AS s FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id GROUP BY ROLLUP (f.colour, f.name) ORDER BY f.colour, f.name, n
SELECT f.name, sum(100 / (m.few_id - 60)) AS s FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id GROUP BY f.name ORDER BY f.name
SELECT 1 AS a, CAST(extract(day FROM TIMESTAMP '2024-03-01 00:00:00') AS BIGINT) AS b, count(2024) AS n FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id GROUP BY 1, 2
SELECT f.name AS a, f.name AS b, sum(m.price) AS s FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id GROUP BY 1, 2 ORDER BY 1
