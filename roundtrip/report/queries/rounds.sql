-- The newest rounds: whom they reach, what they cost, and what they are expected to bring.
SELECT
    round_id,
    CAST(min(decided_at) AS DATE) AS decided_on,
    CASE
        WHEN bool_or(status = 'sent') THEN 'sent'
        WHEN bool_or(status = 'approved') THEN 'approved'
        WHEN bool_or(status = 'proposed') THEN 'proposed'
        ELSE 'not_sent'
    END AS state,
    count(*) FILTER (arm = 'treatment') AS treated,
    count(*) FILTER (arm = 'control') AS held_out,
    coalesce(sum(cost) FILTER (arm = 'treatment'), 0) AS cost,
    coalesce(sum(expected_net_value) FILTER (arm = 'treatment'), 0) AS expected_net_value
FROM marts.interventions
GROUP BY round_id
ORDER BY round_id DESC
LIMIT 12
