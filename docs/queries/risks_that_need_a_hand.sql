-- Question: Which risks of the rollout have come true or are close, and what was planned for that?
-- Columns: risk_id, kind, owner, state, measured, watch_from, threshold, why, contingency
-- Triggered first, then those worth watching, then those that cannot be measured yet; quiet ones are left out.
SELECT
    risk_id,
    kind,
    owner,
    state,
    round(trigger_value, 4) AS measured,
    watch_from,
    threshold,
    state_reason_en AS why,
    contingency
FROM marts.rollout_risks
WHERE state <> 'quiet'
ORDER BY
    CASE state WHEN 'triggered' THEN 1 WHEN 'watch' THEN 2 ELSE 3 END,
    risk_id;
