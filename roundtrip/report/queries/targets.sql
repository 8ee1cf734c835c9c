-- Each target's indicator over the months up to the end of the assessment (the baseline) and over as many
-- months up to now. Money is summed, everything else is pooled: all numerators over all denominators.
WITH months AS (
    SELECT * REPLACE (last_day(month) AS month) FROM marts.kpi_months
    WHERE segment_kind = 'all' AND segment = 'all' AND last_day(month) <= $as_of AND value IS NOT NULL
),
latest AS (SELECT max(month) AS month FROM months),
windows AS (
    -- The last whole month of the assessment, which may end within a month.
    SELECT
        'baseline' AS name,
        last_day(CAST($baseline_ends_on AS DATE) + INTERVAL 1 DAY - INTERVAL 1 MONTH) AS ends_on
    UNION ALL
    SELECT 'now', month FROM latest
),
measured AS (
    SELECT
        windows.name,
        months.indicator,
        count(*) AS months,
        CASE
            WHEN months.indicator IN ('revenue', 'margin') THEN sum(months.value)
            ELSE sum(months.numerator) / nullif(sum(months.denominator), 0)
        END AS value
    FROM windows
    JOIN months
        ON months.month <= windows.ends_on
        AND months.month > last_day(windows.ends_on - to_months(CAST($window_months AS INTEGER)))
    GROUP BY windows.name, months.indicator
)
SELECT
    indicator,
    max(value) FILTER (name = 'baseline' AND measured.months = $window_months) AS baseline,
    max(value) FILTER (name = 'now' AND measured.months = $window_months) AS actual,
    max(measured.months) FILTER (name = 'now') AS measured_months
FROM measured
GROUP BY indicator
ORDER BY indicator
