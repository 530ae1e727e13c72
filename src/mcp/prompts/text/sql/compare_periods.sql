SELECT {?measure}sum({measure}){/measure}{!measure}count(*){/measure} FILTER (WHERE {date_column} >= CAST($from_1 AS date) AND {date_column} < CAST($to_1 AS date)) AS first,
       {?measure}sum({measure}){/measure}{!measure}count(*){/measure} FILTER (WHERE {date_column} >= CAST($from_2 AS date) AND {date_column} < CAST($to_2 AS date)) AS second
FROM {table}

SELECT <part> AS part,
       {?measure}sum({measure}){/measure}{!measure}count(*){/measure} FILTER (WHERE {date_column} >= CAST($from_1 AS date) AND {date_column} < CAST($to_1 AS date)) AS first,
       {?measure}sum({measure}){/measure}{!measure}count(*){/measure} FILTER (WHERE {date_column} >= CAST($from_2 AS date) AND {date_column} < CAST($to_2 AS date)) AS second
FROM {table}
GROUP BY 1 ORDER BY 1
