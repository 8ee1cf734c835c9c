{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "churned_on"]
) }}

select
    events.customer_id,
    events.as_of_date as churned_on,
    events.severity,
    events.initiative,
    events.value_tier,
    events.cause,
    events.cause_confidence,
    events.evidence,
    events.value_lost
from {{ ref("int_churn_events") }} as events
where {{ is_due("events") }}
