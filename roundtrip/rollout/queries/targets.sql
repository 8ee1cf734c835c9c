-- Each target's indicator over the whole months of each phase so far, and over the same months a year before:
-- all numerators over all denominators. Money has the denominator 1 a month, so it is told per month.
WITH phases AS (
    SELECT
        unnest(CAST($phases AS VARCHAR[])) AS phase,
        unnest(CAST($first_days AS DATE[])) AS first_day,
        unnest(CAST($last_days AS DATE[])) AS last_day
),
windows AS (
    SELECT phase, 0 AS years_back, first_day, last_day FROM phases
    UNION ALL
    SELECT phase, 1, first_day - INTERVAL 1 YEAR, last_day(last_day - INTERVAL 1 YEAR) FROM phases
),
months AS (
    SELECT * REPLACE (last_day(month) AS month) FROM marts.kpi_months
    WHERE segment_kind = 'all' AND segment = 'all' AND value IS NOT NULL AND denominator > 0
)
SELECT
    windows.phase,
    windows.years_back,
    months.indicator,
    count(*) AS months,
    sum(months.numerator ORDER BY months.month) AS numerator,
    sum(months.denominator ORDER BY months.month) AS denominator,
    sum(months.numerator ORDER BY months.month) / sum(months.denominator ORDER BY months.month) AS value
FROM windows
JOIN months ON months.month BETWEEN windows.first_day AND windows.last_day
WHERE list_contains(CAST($indicators AS VARCHAR[]), months.indicator)
GROUP BY windows.phase, windows.years_back, months.indicator
ORDER BY windows.phase, windows.years_back, months.indicator
