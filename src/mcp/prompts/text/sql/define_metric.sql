SELECT <expression> AS value
FROM {?table}{table}{/table}{!table}<table>{/table} WHERE <condition>

SELECT date_trunc('month', <date>) AS month, <expression> AS value
FROM {?table}{table}{/table}{!table}<table>{/table} WHERE <condition> GROUP BY 1 ORDER BY 1
