-- Question: Where do the two opinions on silence disagree: the personal rhythm and the probability of being alive?
-- Columns: opinion, customers, mean_purchase_occasions, mean_overdue_ratio, mean_probability_alive, value_12m
-- Overdue is more than one rhythm without a booking; likely gone is a probability of being alive under one half.
SELECT
    CASE
        WHEN overdue_ratio > 1 AND probability_alive < 0.5 THEN 'both: overdue and likely gone'
        WHEN overdue_ratio > 1 THEN 'overdue, but likely still there'
        WHEN probability_alive < 0.5 THEN 'in rhythm, but likely gone'
        ELSE 'both: in rhythm and likely there'
    END AS opinion,
    count(*) AS customers,
    round(avg(purchase_occasions), 1) AS mean_purchase_occasions,
    round(avg(overdue_ratio), 2) AS mean_overdue_ratio,
    round(avg(probability_alive), 2) AS mean_probability_alive,
    round(sum(value_12m), 2) AS value_12m
FROM marts.fct_customer_months
WHERE
    as_of_date = (SELECT max(as_of_date) FROM marts.fct_customer_months)
    AND probability_alive IS NOT NULL
    AND lifecycle_stage <> 'lost'
GROUP BY ALL
ORDER BY customers DESC, opinion;
