{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- Each time a customer's churn severity got worse at a month end. Coming back from a loss is no churn, even
-- where a lesser severity remains.
with begun as (
    select
        lifecycle.customer_id,
        lifecycle.as_of_date,
        lifecycle.previous_stage,
        lifecycle.churn_severity as severity,
        -- Before the loss: the month of the last booking, or the end of the year that the last one is compared with.
        case
            when churn_severity = 'severe' then {{ month_end("last_booked_on") }}
            else {{ months_before("as_of_date", 12) }}
        end as before_on
    from {{ due_rows("int_customer_lifecycle") }} as lifecycle
    where is_month_end and {{ severity_rank("churn_severity") }} > {{ severity_rank("previous_severity") }}
),

before_loss as (
    select
        begun.customer_id,
        begun.as_of_date,
        tiers.value_tier,
        {{ value_shown("value_12m", "begun.before_on") }} as value_12m
    from begun
    cross join {{ ref("int_source_starts") }} as starts
    inner join {{ ref("int_value_tiers") }} as tiers
        on begun.customer_id = tiers.customer_id and begun.before_on = tiers.as_of_date
    left join {{ ref("int_booking_windows") }} as windows
        on begun.customer_id = windows.customer_id and begun.before_on = windows.as_of_date
)

select
    begun.customer_id,
    begun.as_of_date,
    begun.previous_stage,
    begun.severity,
    reasons.churn_initiative as initiative,
    before_loss.value_tier,
    reasons.churn_cause as cause,
    reasons.cause_confidence,
    reasons.evidence,
    -- Who is lost takes a whole year's value along; who books less, the difference to the year before.
    case
        when begun.severity = 'severe' then before_loss.value_12m
        else greatest(before_loss.value_12m - windows.value_12m, 0)
    end as value_lost
from begun
inner join {{ due_rows("int_churn_reasons") }} as reasons
    on begun.customer_id = reasons.customer_id and begun.as_of_date = reasons.as_of_date
left join before_loss
    on begun.customer_id = before_loss.customer_id and begun.as_of_date = before_loss.as_of_date
left join {{ due_rows("int_booking_windows") }} as windows
    on begun.customer_id = windows.customer_id and begun.as_of_date = windows.as_of_date
