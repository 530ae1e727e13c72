WITH totals AS (
  SELECT {dimension} AS part, {?measure}sum({measure}){/measure}{!measure}count(*){/measure} AS amount
  FROM {table} GROUP BY 1
)
SELECT part, amount, round(100.0 * amount / nullif(sum(amount) OVER (), 0), 2) AS share,
       round(100.0 * sum(amount) OVER (ORDER BY amount DESC, part) / nullif(sum(amount) OVER (), 0), 2) AS running_share,
       count(*) OVER () AS parts
FROM totals ORDER BY amount DESC, part LIMIT {?n}{n}{/n}{!n}10{/n}
