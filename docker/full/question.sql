WITH spent AS (
    SELECT customer_id, sum(total) AS total
    FROM orders.orders
    WHERE status <> 'cancelled'
    GROUP BY customer_id
), asked AS (
    SELECT customer_id, count(*) AS tickets
    FROM desk.tickets
    WHERE status = 'open'
    GROUP BY customer_id
)
SELECT customers.id, customers.name, customers.email, customers.region, asked.tickets, spent.total
FROM crm.customers AS customers
JOIN asked ON asked.customer_id = customers.id
JOIN spent ON spent.customer_id = customers.id
ORDER BY spent.total DESC, customers.id
LIMIT 5
