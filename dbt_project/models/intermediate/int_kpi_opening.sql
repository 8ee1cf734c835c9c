{{ config(
    materialized="incremental",
    incremental_strategy="replace_months",
    unique_key=["as_of_date", "segment_kind", "segment"]
) }}

-- What happened to customers in each month, by the segment they were in when it began.
{% set kinds = customer_segment_kinds() %}

with customer_months as (
    select
        lifecycle.as_of_date,
        segments.country,
        segments.acquisition_channel,
        segments.opening_value_tier as value_tier,
        segments.opening_need_segment as need_segment,
        segments.opening_service_line as service_line,
        segments.opening_cohort as cohort,
        lifecycle.previous_stage not in ('prospect', 'lost') as is_at_risk,
        lifecycle.previous_stage = 'lost' as was_lost,
        lifecycle.lifecycle_stage not in ('prospect', 'lost') as is_current,
        events.severity,
        events.initiative,
        events.value_tier as tier_before,
        events.cause,
        events.value_lost
    from {{ due_month_rows("int_customer_lifecycle") }} as lifecycle
    inner join {{ due_month_rows("int_customer_segments") }} as segments
        on lifecycle.customer_id = segments.customer_id and lifecycle.as_of_date = segments.as_of_date
    left join {{ due_month_rows("int_churn_events") }} as events
        on lifecycle.customer_id = events.customer_id and lifecycle.as_of_date = events.as_of_date
    where lifecycle.is_month_end and lifecycle.previous_stage is not null
)

select
    as_of_date,
    {{ segment_columns(kinds) }},
    count(case when is_at_risk then 1 end) as customers_at_risk,
    count(case when severity = 'light' then 1 end) as begun_light,
    count(case when severity = 'moderate' then 1 end) as begun_moderate,
    count(case when severity = 'severe' then 1 end) as lost_customers,
    {% for column, values in churn_breakdowns() -%}
    {% for value in values -%}
    count(case when severity = 'severe' and {{ column }} = '{{ value }}' then 1 end) as lost_{{ column }}_{{ value }},
    {% endfor -%}
    {% endfor -%}
    count(case when severity = 'severe' then value_lost end) as valued_losses,
    case
        when count(case when severity = 'severe' then 1 end) = 0 then 0
        -- As decimals, since a sum of floats depends on the order of the rows.
        else sum(case when severity = 'severe' then cast(value_lost as decimal(18, 2)) end)
    end as value_lost,
    count(case when was_lost then 1 end) as lost_at_start,
    count(case when was_lost and is_current then 1 end) as won_back_customers
from customer_months
group by
    {{ segment_sets(["as_of_date"], kinds) }}
