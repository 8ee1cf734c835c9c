-- Every indicator in the latest whole month, and its value in the same month a year before.
WITH months AS (
    SELECT * REPLACE (last_day(month) AS month) FROM marts.kpi_months
    WHERE segment_kind = 'all' AND segment = 'all' AND last_day(month) <= $as_of
),
latest AS (SELECT max(month) AS month FROM months)
SELECT
    now.indicator,
    now.month,
    now.numerator,
    now.denominator,
    now.value,
    now.sample_size,
    before.value AS value_year_before
FROM months AS now
JOIN latest USING (month)
LEFT JOIN months AS before
    ON before.indicator = now.indicator AND before.month = last_day(now.month - INTERVAL 12 MONTH)
ORDER BY now.indicator
