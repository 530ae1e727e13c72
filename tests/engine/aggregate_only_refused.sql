SELECT salary FROM pay
SELECT * FROM pay
SELECT dept, salary + 0 FROM pay
SELECT dept FROM pay WHERE salary > 10
SELECT dept FROM pay WHERE salary IS NULL
SELECT dept FROM pay ORDER BY salary
SELECT dept FROM pay ORDER BY id, salary LIMIT 1
SELECT salary, count(*) FROM pay GROUP BY salary
SELECT DISTINCT salary FROM pay
SELECT DISTINCT ON (dept) dept FROM pay ORDER BY dept, salary
SELECT min(salary) FROM pay
SELECT max(salary) FROM pay
SELECT array_agg(salary) FROM pay
SELECT string_agg(CAST(salary AS text), ',') FROM pay
SELECT stddev(salary) FROM pay
SELECT median(salary) FROM pay
SELECT sum(DISTINCT salary) FROM pay
SELECT count(DISTINCT salary) FROM pay
SELECT sum(salary + 1) FROM pay
SELECT sum(-salary) FROM pay
SELECT sum(CAST(salary AS numeric)) FROM pay
SELECT avg(coalesce(salary, 0)) FROM pay
SELECT sum(CASE WHEN id = 1 THEN salary END) FROM pay
SELECT sum(CASE WHEN salary > 5 THEN 1 ELSE 0 END) FROM pay
SELECT count(*) FILTER (WHERE salary > 5) FROM pay
SELECT sum(salary) FILTER (WHERE salary > 5) FROM pay
SELECT count(id) FROM pay HAVING max(salary) > 5
SELECT sum(salary) OVER (PARTITION BY dept) FROM pay
SELECT lag(salary) OVER (ORDER BY id) FROM pay
SELECT rank() OVER (ORDER BY salary) FROM pay
SELECT sum(s) FROM (SELECT salary AS s FROM pay) t
WITH t AS (SELECT * FROM pay) SELECT sum(salary) FROM t
SELECT sum(salary) FROM (SELECT salary FROM pay UNION ALL SELECT salary FROM pay) t
SELECT sum(x.salary) FROM (SELECT DISTINCT salary FROM pay) x
SELECT a.id FROM pay a JOIN pay b ON a.salary = b.id
SELECT a.id FROM pay a JOIN pay b USING (salary)
SELECT id FROM pay WHERE id IN (SELECT salary FROM pay)
SELECT id FROM pay p WHERE EXISTS (SELECT 1 FROM pay q WHERE q.id = p.salary)
SELECT id FROM pay p WHERE (SELECT sum(q.salary) FROM pay q WHERE q.id = p.id) > 3
SELECT corr(salary, id) FROM pay
SELECT dept FROM pay WHERE salary BETWEEN 1 AND 5
SELECT 1 / salary FROM pay
SELECT CAST(salary AS text) FROM pay
SELECT e.a FROM pay AS e(a, b, c)
