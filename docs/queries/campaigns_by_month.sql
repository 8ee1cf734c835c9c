-- Question: Do our campaign messages still reach people, and do bookings follow?
-- Columns: month, messages, response_rate, conversion_rate, conversion_rate_high_value
-- Conversion is a booking within the window after the message, whatever led to it: what the campaign itself brought
-- only a held-out group can tell.
SELECT
    cast(date_trunc('month', as_of_date) AS date) AS month,
    sum(campaign_messages) AS messages,
    round(sum(campaign_responses) / sum(campaign_messages), 3) AS response_rate,
    round(sum(campaign_conversions) / sum(campaign_messages), 3) AS conversion_rate,
    round(
        sum(campaign_conversions) FILTER (opening_value_tier = 'high')
        / nullif(sum(campaign_messages) FILTER (opening_value_tier = 'high'), 0), 3
    ) AS conversion_rate_high_value
FROM marts.fct_customer_activity
GROUP BY month
HAVING sum(campaign_messages) > 0
ORDER BY month DESC;
