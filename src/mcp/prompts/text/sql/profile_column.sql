SELECT count(*) AS n, count({column}) AS filled, count(DISTINCT {column}) AS different,
       min({column}) AS least, max({column}) AS greatest
FROM {table}

SELECT {column}, count(*) AS n
FROM {table}
GROUP BY {column} ORDER BY n DESC, {column} LIMIT 20

SELECT avg({column}) AS mean, median({column}) AS middle, stddev({column}) AS spread,
       count(*) FILTER (WHERE {column} = 0) AS zero, count(*) FILTER (WHERE {column} < 0) AS negative
FROM {table}
