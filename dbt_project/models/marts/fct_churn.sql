with losses as (
    select
        customer_id,
        as_of_date as churned_on,
        churn_severity as severity,
        last_booked_on
    from {{ ref("int_customer_lifecycle") }}
    where is_month_end and lifecycle_stage = 'lost' and previous_stage is distinct from 'lost'
),

-- What the customer was worth at the end of the month of the last booking, before the silence.
valued as (
    select
        losses.customer_id,
        losses.churned_on,
        tiers.value_tier,
        {{ value_shown("value_12m", "tiers.as_of_date") }} as value_lost
    from losses
    cross join {{ ref("int_source_starts") }} as starts
    left join {{ ref("int_value_tiers") }} as tiers
        on
            losses.customer_id = tiers.customer_id
            and {{ month_end("losses.last_booked_on") }} = tiers.as_of_date
    left join {{ ref("int_booking_windows") }} as windows
        on tiers.customer_id = windows.customer_id and tiers.as_of_date = windows.as_of_date
)

select
    losses.customer_id,
    losses.churned_on,
    losses.severity,
    reasons.churn_initiative as initiative,
    valued.value_tier,
    reasons.churn_cause as cause,
    reasons.cause_confidence,
    reasons.evidence,
    valued.value_lost
from losses
inner join {{ ref("int_churn_reasons") }} as reasons
    on losses.customer_id = reasons.customer_id and losses.churned_on = reasons.as_of_date
inner join valued
    on losses.customer_id = valued.customer_id and losses.churned_on = valued.churned_on
