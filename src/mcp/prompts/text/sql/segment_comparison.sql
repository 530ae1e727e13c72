SELECT {segment} AS segment, count(*) AS n, sum({measure}) AS total, avg({measure}) AS mean,
       median({measure}) AS middle, stddev({measure}) AS spread, min({measure}) AS least, max({measure}) AS greatest
FROM {table} GROUP BY 1 ORDER BY total DESC

SELECT {segment} AS segment, <part> AS part, count(*) AS n, avg({measure}) AS mean
FROM {table} GROUP BY 1, 2 ORDER BY 1, 2
