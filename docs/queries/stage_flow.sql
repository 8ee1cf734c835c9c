-- Question: How did customers move between lifecycle stages in the last 12 months?
-- Columns: from_stage, to_stage, changes, customers, share_of_from_stage
SELECT
    from_stage,
    to_stage,
    count(*) AS changes,
    count(DISTINCT customer_id) AS customers,
    round(count(*) / sum(count(*)) OVER (PARTITION BY from_stage), 3) AS share_of_from_stage
FROM marts.fct_lifecycle_changes
WHERE changed_on > (SELECT as_of_date FROM marts.warehouse_info) - INTERVAL 12 MONTH
GROUP BY from_stage, to_stage
ORDER BY from_stage, changes DESC, to_stage;
