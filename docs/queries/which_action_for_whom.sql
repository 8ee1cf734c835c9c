-- Question: Which action would change most for customers of each need segment?
-- Columns: need_segment, action, customers, mean_effect_on_return, mean_effect_on_value, evidence
-- Means of the effects estimated for each customer; value before the action's cost. Evidence says whether it comes
-- from randomised campaigns. Nobody's action follows from this table alone: rounds weigh cost, consent and budget.
SELECT
    coalesce(customers.need_segment, 'prospect') AS need_segment,
    uplifts.action,
    count(*) AS customers,
    round(avg(uplifts.effect_on_return), 4) AS mean_effect_on_return,
    round(avg(uplifts.effect_on_value), 2) AS mean_effect_on_value,
    any_value(uplifts.evidence) AS evidence
FROM marts.action_uplifts AS uplifts
INNER JOIN marts.dim_customers AS customers USING (customer_id)
GROUP BY ALL
ORDER BY need_segment, mean_effect_on_value DESC NULLS LAST, uplifts.action;
