-- Question: Does the model in use still fit the customers it scores?
-- Columns: as_of_date, model_version, kind, subject, measure, value, ci_low, ci_high, threshold, state
-- What the newest monitoring found beyond its bounds or worth watching, alarms first; then how well scores given
-- earlier have come true. No row of kind performance means that no outcome is known yet.
SELECT
    as_of_date,
    model_version,
    kind,
    subject,
    measure,
    round(value, 4) AS value,
    round(ci_low, 4) AS ci_low,
    round(ci_high, 4) AS ci_high,
    threshold,
    state
FROM marts.model_monitoring
WHERE
    as_of_date = (SELECT max(as_of_date) FROM marts.model_monitoring)
    AND (state IN ('alarm', 'watch') OR kind <> 'population' OR subject = 'churn_probability')
ORDER BY
    CASE state WHEN 'alarm' THEN 1 WHEN 'watch' THEN 2 ELSE 3 END,
    kind, subject, measure, scored_on;
