-- What rounds of the last twelve months cost, and for how many messages.
SELECT count(*) AS messages, count(DISTINCT round_id) AS rounds, sum(cost) AS cost
FROM marts.interventions
WHERE status = 'sent' AND decided_at > CAST($as_of AS DATE) - INTERVAL 12 MONTH
HAVING count(*) > 0
