{{ config(
    materialized="incremental",
    incremental_strategy="replace_months",
    unique_key=["as_of_date", "segment_kind", "segment"]
) }}

-- Messages whose window closed in the month, by channel and by the segment the customer was in when it began.
{% set kinds = customer_segment_kinds() + ["channel"] %}

with touches as (
    select
        segments.as_of_date,
        segments.country,
        segments.acquisition_channel,
        segments.opening_value_tier as value_tier,
        segments.opening_need_segment as need_segment,
        segments.opening_service_line as service_line,
        segments.opening_cohort as cohort,
        results.channel,
        results.has_responded,
        results.has_converted
    from {{ ref("int_campaign_results") }} as results
    inner join {{ ref("int_customer_segments") }} as segments
        on
            results.customer_id = segments.customer_id
            and {{ month_end("results.window_ends_on") }} = segments.as_of_date
    where {{ is_due_month("segments.as_of_date") }}
)

select
    as_of_date,
    {{ segment_columns(kinds) }},
    count(*) as messages,
    count(case when has_responded then 1 end) as responses,
    count(case when has_converted then 1 end) as conversions
from touches
group by
    {{ segment_sets(["as_of_date"], kinds) }}
