-- Question: What did our actions change, against customers who were held out?
-- Columns: action, outcome, effect, ci_low, ci_high, verdict, treated, held_out, cost, net_value, why_not_told
-- Pooled over all campaigns whose arms can be compared, in the longest window measured. A verdict is beyond
-- chance although effects are looked at several times, and still there in that window (its interval lies on one side
-- of zero); where nothing can be told the reason stands in why_not_told.
SELECT
    action,
    outcome,
    round(effect, 4) AS effect,
    round(ci_low, 4) AS ci_low,
    round(ci_high, 4) AS ci_high,
    verdict,
    n_treatment AS treated,
    n_control AS held_out,
    round(cost, 2) AS cost,
    round(net_value, 2) AS net_value,
    not_told_en AS why_not_told
FROM marts.campaign_effects
WHERE
    campaign_id = 'all'
    AND segment_kind = 'all'
    AND window_days = (SELECT max(window_days) FROM marts.campaign_effects)
ORDER BY outcome, action;
