select
    customer_id,
    as_of_date as churned_on,
    severity,
    initiative,
    value_tier,
    cause,
    cause_confidence,
    evidence,
    value_lost
from {{ ref("int_churn_events") }}
