{{ config(
    materialized="incremental",
    incremental_strategy="replace_months",
    unique_key=["as_of_date", "segment_kind", "segment"]
) }}

-- Customers, money, answers and tickets of each month, by the segment customers are in at its end.
{% set kinds = customer_segment_kinds() %}

with customer_months as (
    select
        lifecycle.as_of_date,
        segments.country,
        segments.acquisition_channel,
        segments.value_tier,
        segments.need_segment,
        segments.service_line,
        segments.cohort,
        lifecycle.activity_status,
        lifecycle.purchase_occasions_lifetime,
        lifecycle.lifecycle_stage not in ('prospect', 'lost') as is_current,
        cast(customers.registered_at as date) >= {{ month_start("lifecycle.as_of_date") }} as is_registered_in_month,
        coalesce(customers.acquisition_channel, customers.referred_by) is not null as is_origin_known,
        customers.referred_by is not null or coalesce(customers.acquisition_channel = 'referral', false) as is_referred,
        -- One corporate account would carry the mean of everybody.
        case when windows.is_high_volume is not true then windows.value_lifetime end as value_lifetime,
        bookings.bookings,
        bookings.priced_bookings,
        bookings.margin_bookings,
        bookings.net_value,
        bookings.margin_value,
        support.complaints,
        support.answered_tickets,
        support.first_response_seconds,
        surveys.csat_responses,
        surveys.csat_score,
        surveys.servqual_responses,
        surveys.servqual_gap,
        surveys.nps_responses,
        surveys.nps_promoters,
        surveys.nps_detractors
    from {{ due_month_rows("int_customer_lifecycle") }} as lifecycle
    inner join {{ ref("int_customers") }} as customers on lifecycle.customer_id = customers.customer_id
    inner join {{ due_month_rows("int_customer_segments") }} as segments
        on lifecycle.customer_id = segments.customer_id and lifecycle.as_of_date = segments.as_of_date
    left join {{ due_month_rows("int_booking_windows") }} as windows
        on lifecycle.customer_id = windows.customer_id and lifecycle.as_of_date = windows.as_of_date
    left join {{ due_month_rows("int_booking_months") }} as bookings
        on lifecycle.customer_id = bookings.customer_id and lifecycle.as_of_date = bookings.as_of_date
    left join {{ due_month_rows("int_support_months") }} as support
        on lifecycle.customer_id = support.customer_id and lifecycle.as_of_date = support.as_of_date
    left join {{ due_month_rows("int_survey_months") }} as surveys
        on lifecycle.customer_id = surveys.customer_id and lifecycle.as_of_date = surveys.as_of_date
    where lifecycle.is_month_end
)

select
    as_of_date,
    {{ segment_columns(kinds) }},
    count(*) as customers,
    count(case when activity_status in ('new', 'active') then 1 end) as active_customers,
    count(case when purchase_occasions_lifetime >= 2 then 1 end) as repeat_customers,
    count(case when purchase_occasions_lifetime >= 1 then 1 end) as buyers,
    count(case when is_current then 1 end) as current_customers,
    count(case when is_registered_in_month and is_origin_known then 1 end) as new_customers,
    count(case when is_registered_in_month and is_referred then 1 end) as referred_customers,
    -- Nobody booked is 0; bookings of which none has an amount in the reporting currency are unknown.
    case when coalesce(sum(bookings), 0) = 0 then 0 else sum(net_value) end as revenue,
    coalesce(sum(priced_bookings), 0) as priced_bookings,
    case when coalesce(sum(bookings), 0) = 0 then 0 else sum(margin_value) end as margin,
    coalesce(sum(margin_bookings), 0) as margin_bookings,
    sum(value_lifetime) as value_lifetime,
    count(value_lifetime) as valued_buyers,
    count(case when is_current and complaints > 0 then 1 end) as complaining_customers,
    sum(answered_tickets) as answered_tickets,
    cast(sum(first_response_seconds) as double) / 3600 as first_response_hours,
    sum(csat_responses) as csat_responses,
    sum(csat_score) as csat_score,
    sum(servqual_responses) as servqual_responses,
    sum(servqual_gap) as servqual_gap,
    sum(nps_responses) as nps_responses,
    sum(nps_promoters) as nps_promoters,
    sum(nps_detractors) as nps_detractors
from customer_months
group by
    {{ segment_sets(["as_of_date"], kinds) }}
