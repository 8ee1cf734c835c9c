-- Revenue of the last twelve whole months.
WITH months AS (
    SELECT * REPLACE (last_day(month) AS month) FROM marts.kpi_months
    WHERE segment_kind = 'all' AND segment = 'all' AND indicator = 'revenue' AND last_day(month) <= $as_of
),
latest AS (SELECT max(month) AS month FROM months)
SELECT
    sum(months.value) AS value,
    count(months.value) AS months,
    sum(months.sample_size) AS sample_size
FROM months
JOIN latest ON months.month > last_day(latest.month - INTERVAL 12 MONTH)
