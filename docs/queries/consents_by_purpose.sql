-- Question: For which purposes may we still use data, and how many customers withdrew in the last 12 months?
-- Columns: purpose, asked, granted, withdrawn, granted_share, withdrawn_12m, not_asked
-- The newest answer of each customer. Whoever was not asked has restricted nothing.
WITH people AS (
    SELECT
        count(*) AS customers,
        any_value(info.as_of_date) AS as_of_date
    FROM marts.dim_customers
    CROSS JOIN marts.warehouse_info AS info
)

SELECT
    consents.purpose,
    count(*) AS asked,
    count(*) FILTER (consents.is_granted) AS granted,
    count(*) FILTER (NOT consents.is_granted) AS withdrawn,
    round(count(*) FILTER (consents.is_granted) / count(*), 3) AS granted_share,
    count(*) FILTER (
        NOT consents.is_granted AND consents.changed_at > people.as_of_date - INTERVAL 12 MONTH
    ) AS withdrawn_12m,
    any_value(people.customers) - count(*) AS not_asked
FROM marts.customer_consents AS consents
CROSS JOIN people
GROUP BY consents.purpose
ORDER BY withdrawn DESC, consents.purpose;
