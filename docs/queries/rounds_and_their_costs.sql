-- Question: What was done in each round, what did it cost, and what was expected of it?
-- Columns: round_id, decided_on, action, status, treated, held_out, cost, expected_net_value, explored
-- Held out are customers drawn into the control group, who get nothing; explored are those chosen by lot, to learn.
-- The cost is that of whoever is treated, planned where the round was not sent.
SELECT
    round_id,
    cast(min(decided_at) AS date) AS decided_on,
    action,
    status,
    count(*) FILTER (arm = 'treatment') AS treated,
    count(*) FILTER (arm = 'control') AS held_out,
    round(coalesce(sum(cost) FILTER (arm = 'treatment'), 0), 2) AS cost,
    round(sum(expected_net_value) FILTER (arm = 'treatment'), 2) AS expected_net_value,
    count(*) FILTER (is_exploration) AS explored
FROM marts.interventions
GROUP BY round_id, action, status
ORDER BY round_id DESC, action, status;
