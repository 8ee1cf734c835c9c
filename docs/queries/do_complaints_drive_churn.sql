-- Question: Do customers who complained leave more often than those who did not?
-- Columns: complaints, customer_months, churned, churn_share, difference_to_no_complaint
-- Each customer and month end whose label is known: complaints of the 12 months before, and whether a booking
-- followed within the horizon. It is no proof of cause: who travels more has more to complain about.
SELECT
    complaints,
    customer_months,
    churned,
    round(churned / customer_months, 3) AS churn_share,
    round(
        churned / customer_months - first_value(churned / customer_months) OVER (ORDER BY complaints), 3
    ) AS difference_to_no_complaint
FROM (
    SELECT
        CASE
            WHEN features.complaints_12m = 0 THEN '0'
            WHEN features.complaints_12m = 1 THEN '1'
            ELSE '2 or more'
        END AS complaints,
        count(*) AS customer_months,
        count(*) FILTER (labels.is_churned) AS churned
    FROM marts.customer_features AS features
    INNER JOIN marts.churn_labels AS labels USING (customer_id, as_of_date)
    WHERE NOT labels.is_censored AND features.is_month_end AND features.complaints_12m IS NOT NULL
    GROUP BY ALL
) AS counted
ORDER BY complaints;
