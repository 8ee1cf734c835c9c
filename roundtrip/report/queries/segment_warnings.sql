-- Open warnings by need segment and by the strategy that they recommend.
SELECT
    customers.need_segment AS segment,
    warnings.strategy_id,
    count(*) AS customers
FROM marts.warnings AS warnings
JOIN marts.dim_customers AS customers USING (customer_id)
WHERE warnings.status = 'open' AND customers.need_segment IS NOT NULL
GROUP BY ALL
ORDER BY segment, customers DESC, warnings.strategy_id
