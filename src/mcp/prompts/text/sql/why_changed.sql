WITH parts AS (
  SELECT {?dimension}{dimension}{/dimension}{!dimension}<part>{/dimension} AS part,
         {?measure}sum({measure}){/measure}{!measure}count(*){/measure} FILTER (WHERE {date_column} < CAST($to_1 AS date)) AS before,
         {?measure}sum({measure}){/measure}{!measure}count(*){/measure} FILTER (WHERE {date_column} >= CAST($from_2 AS date)) AS after
  FROM {table}
  WHERE {date_column} >= CAST($from_1 AS date) AND {date_column} < CAST($to_2 AS date)
  GROUP BY 1
)
SELECT part, before, after, coalesce(after, 0) - coalesce(before, 0) AS change
FROM parts
ORDER BY abs(coalesce(after, 0) - coalesce(before, 0)) DESC, part LIMIT 20

SELECT {date_column} >= CAST($from_2 AS date) AS later, count(*) AS n{?measure}, avg({measure}) AS mean, sum({measure}) AS total{/measure}
FROM {table}
WHERE ({date_column} >= CAST($from_1 AS date) AND {date_column} < CAST($to_1 AS date))
   OR ({date_column} >= CAST($from_2 AS date) AND {date_column} < CAST($to_2 AS date))
GROUP BY 1 ORDER BY 1
