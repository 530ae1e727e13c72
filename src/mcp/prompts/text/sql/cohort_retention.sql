WITH begun AS (
  SELECT {entity} AS entity, date_trunc('month', min({date_column})) AS cohort
  FROM {table} WHERE {entity} IS NOT NULL GROUP BY 1
), active AS (
  SELECT DISTINCT {entity} AS entity, date_trunc('month', {date_column}) AS month
  FROM {table} WHERE {entity} IS NOT NULL
), counted AS (
  SELECT b.cohort,
         (extract(year FROM a.month) - extract(year FROM b.cohort)) * 12
           + extract(month FROM a.month) - extract(month FROM b.cohort) AS months_later,
         count(*) AS entities
  FROM begun b JOIN active a ON a.entity = b.entity
  GROUP BY 1, 2
)
SELECT cohort, months_later, entities,
       round(100.0 * entities / first_value(entities) OVER (PARTITION BY cohort ORDER BY months_later), 1) AS share
FROM counted ORDER BY cohort, months_later
