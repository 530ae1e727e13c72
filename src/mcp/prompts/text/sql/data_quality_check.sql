SELECT count(*) AS n, {table.filled}
FROM {table}

SELECT {?key}{key}{/key}{!key}<key>{/key} AS k, count(*) AS n
FROM {table} GROUP BY 1 HAVING count(*) > 1 ORDER BY n DESC, k LIMIT 20

SELECT count(*) AS lost
FROM {table} a
WHERE a.<reference> IS NOT NULL AND NOT EXISTS (SELECT 1 FROM <other table> b WHERE b.<other key> = a.<reference>)
