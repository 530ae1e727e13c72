WITH series AS (
  SELECT date_trunc('{?grain}{grain}{/grain}{!grain}month{/grain}', {date_column}) AS period, {?measure}sum({measure}){/measure}{!measure}count(*){/measure} AS amount
  FROM {table}
  WHERE {date_column} IS NOT NULL
  GROUP BY 1
), banded AS (
  SELECT period, amount, lag(amount) OVER (ORDER BY period) AS previous,
         avg(CAST(amount AS double precision)) OVER (ORDER BY period ROWS BETWEEN 6 PRECEDING AND 1 PRECEDING) AS usual,
         stddev(CAST(amount AS double precision)) OVER (ORDER BY period ROWS BETWEEN 6 PRECEDING AND 1 PRECEDING) AS spread
  FROM series
)
SELECT period, amount, previous, usual, spread, abs(amount - usual) > 3 * spread AS stands_out
FROM banded ORDER BY period
