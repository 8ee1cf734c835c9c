-- Question: Do we reach the targets of the rollout plan?
-- Columns: phase, indicator, baseline, target_low, target_high, actual, ci_low, ci_high, holdout_effect, status, why
-- Before against after, in the band that the plan names, and beside it what the held-out customers say.
SELECT
    phase,
    indicator,
    round(baseline, 4) AS baseline,
    round(target_low, 4) AS target_low,
    round(target_high, 4) AS target_high,
    round(actual, 4) AS actual,
    round(ci_low, 4) AS ci_low,
    round(ci_high, 4) AS ci_high,
    round(holdout_effect, 4) AS holdout_effect,
    status,
    status_reason_en AS why
FROM marts.rollout_kpis
ORDER BY
    CASE phase WHEN 'assessment' THEN 1 WHEN 'implementation' THEN 2 ELSE 3 END,
    indicator;
