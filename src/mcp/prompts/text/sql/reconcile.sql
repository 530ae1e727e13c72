SELECT 'first' AS side, count(*) AS n, count({first_key}) AS keyed, count(DISTINCT {first_key}) AS keys FROM {first}
UNION ALL
SELECT 'second' AS side, count(*) AS n, count({second_key}) AS keyed, count(DISTINCT {second_key}) AS keys FROM {second}

WITH a AS (SELECT DISTINCT {first_key} AS k FROM {first} WHERE {first_key} IS NOT NULL),
     b AS (SELECT DISTINCT {second_key} AS k FROM {second} WHERE {second_key} IS NOT NULL)
SELECT count(*) FILTER (WHERE b.k IS NULL) AS first_only, count(*) FILTER (WHERE a.k IS NULL) AS second_only,
       count(*) FILTER (WHERE a.k = b.k) AS in_both
FROM a FULL JOIN b ON b.k = a.k

SELECT a.{first_key} AS k
FROM {first} a
WHERE NOT EXISTS (SELECT 1 FROM {second} b WHERE b.{second_key} = a.{first_key})
ORDER BY k LIMIT 20
