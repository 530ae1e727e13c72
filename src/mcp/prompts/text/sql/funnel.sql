SELECT {step_column}, count(*) AS n, count(DISTINCT {entity}) AS entities
FROM {table} GROUP BY 1 ORDER BY n DESC

SELECT count(DISTINCT {entity}) FILTER (WHERE {step_column} = $step_1) AS step_1,
       count(DISTINCT {entity}) FILTER (WHERE {step_column} = $step_2) AS step_2,
       count(DISTINCT {entity}) FILTER (WHERE {step_column} = $step_3) AS step_3
FROM {table}

WITH reached AS (
  SELECT {entity} AS entity,
         min({?date_column}{date_column}{/date_column}{!date_column}<date>{/date_column}) FILTER (WHERE {step_column} = $step_1) AS at_1,
         min({?date_column}{date_column}{/date_column}{!date_column}<date>{/date_column}) FILTER (WHERE {step_column} = $step_2) AS at_2,
         min({?date_column}{date_column}{/date_column}{!date_column}<date>{/date_column}) FILTER (WHERE {step_column} = $step_3) AS at_3
  FROM {table} GROUP BY 1
)
SELECT count(at_1) AS step_1, count(*) FILTER (WHERE at_2 >= at_1) AS step_2,
       count(*) FILTER (WHERE at_2 >= at_1 AND at_3 >= at_2) AS step_3
FROM reached
