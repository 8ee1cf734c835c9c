-- How far chance may have moved each figure, customers being the units: what one customer did in several months
-- counts together. u is a customer's part in the relative error of a window (linearisation; for money the number of
-- customers is random, too). `level` is the relative variance of the phase's own figure; `plain` that of its ratio
-- to the assessment; `seasonal` that of this ratio over the same ratio of the year before. Rounded, since sums made by
-- several threads differ in their last digits.
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
sums AS (
    SELECT
        months.customer_id,
        windows.phase,
        windows.years_back,
        count(*) FILTER (months.is_at_risk) AS at_risk,
        count(*) FILTER (months.is_at_risk AND months.churn_severity_begun = 'severe') AS churned,
        count(*) FILTER (months.was_lost) AS were_lost,
        count(*) FILTER (months.is_won_back) AS won_back,
        count(*) FILTER (months.is_current) AS current_months,
        count(*) FILTER (months.has_complained) AS complained,
        sum(months.csat_score) AS csat_score,
        sum(months.csat_responses) AS csat_responses,
        sum(months.net_value) AS net_value,
        sum(months.margin_value) AS margin_value
    FROM marts.fct_customer_activity AS months
    JOIN windows ON months.as_of_date BETWEEN windows.first_day AND windows.last_day
    GROUP BY months.customer_id, windows.phase, windows.years_back
),
parts AS (
    SELECT
        customer_id,
        phase,
        years_back,
        unnest([
            {'indicator': 'churn_rate', 'n': churned, 'd': at_risk},
            {'indicator': 'retention_rate', 'n': at_risk - churned, 'd': at_risk},
            {'indicator': 'win_back_rate', 'n': won_back, 'd': were_lost},
            {'indicator': 'complaint_rate', 'n': complained, 'd': current_months},
            {'indicator': 'satisfaction', 'n': csat_score, 'd': csat_responses},
            {'indicator': 'revenue', 'n': net_value, 'd': NULL},
            {'indicator': 'margin', 'n': margin_value, 'd': NULL}
        ], recursive := true)
    FROM sums
),
shares AS (
    SELECT
        customer_id,
        phase,
        years_back,
        indicator,
        coalesce(n / nullif(sum(n) OVER of_window, 0), 0) - coalesce(d / nullif(sum(d) OVER of_window, 0), 0) AS u,
        coalesce(n, 0) <> 0 OR coalesce(d, 0) <> 0 AS is_counted
    FROM parts
    WHERE list_contains(CAST($indicators AS VARCHAR[]), indicator)
    WINDOW of_window AS (PARTITION BY phase, years_back, indicator)
),
contrasts AS (
    -- The assessment is subtracted from each later phase, and the year before with the opposite sign.
    SELECT phases.phase, shares.customer_id, shares.indicator, shares.years_back, shares.is_counted,
        shares.phase = phases.phase AS is_own,
        (CASE WHEN shares.phase = phases.phase THEN 1 ELSE -1 END)
        * (CASE WHEN shares.years_back = 0 THEN 1 ELSE -1 END) * shares.u AS signed_u
    FROM phases
    JOIN shares ON shares.phase IN (phases.phase, $assessment)
),
customers AS (
    SELECT
        phase,
        customer_id,
        indicator,
        coalesce(sum(signed_u) FILTER (is_own AND years_back = 0), 0) AS level,
        coalesce(sum(signed_u) FILTER (years_back = 0), 0) AS plain,
        sum(signed_u) AS seasonal,
        coalesce(bool_or(is_counted) FILTER (is_own AND years_back = 0), false) AS is_counted
    FROM contrasts
    GROUP BY phase, customer_id, indicator
)
SELECT
    phase,
    indicator,
    count(*) FILTER (is_counted) AS customers,
    round(sum(level * level), 12) AS level,
    round(sum(plain * plain), 12) AS plain,
    round(sum(seasonal * seasonal), 12) AS seasonal
FROM customers
GROUP BY phase, indicator
ORDER BY phase, indicator
