{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- One row per customer and month end, beside fct_customer_months: where they stood when the month began and what
-- happened in it, so that every indicator is a sum over these rows. A source that had not delivered by then leaves
-- NULL instead of zero.
with campaign_months as (
    select
        customer_id,
        {{ month_end("window_ends_on") }} as as_of_date,
        count(*) as messages,
        count(case when has_responded then 1 end) as responses,
        count(case when has_converted then 1 end) as conversions
    from {{ part_rows("int_campaign_results") }}
    group by customer_id, {{ month_end("window_ends_on") }}
),

customer_months as (
    select
        lifecycle.customer_id,
        lifecycle.as_of_date,
        lifecycle.previous_stage,
        lifecycle.lifecycle_stage,
        lifecycle.activity_status,
        lifecycle.purchase_occasions_lifetime,
        lifecycle.previous_stage not in ('prospect', 'lost') as is_at_risk,
        lifecycle.previous_stage = 'lost' as was_lost,
        lifecycle.lifecycle_stage not in ('prospect', 'lost') as is_current,
        coalesce(lifecycle.as_of_date >= starts.prices_start_on, false) as has_prices,
        coalesce(lifecycle.as_of_date >= starts.margins_start_on, false) as has_margins,
        coalesce(lifecycle.as_of_date >= starts.tickets_start_on, false) as has_tickets,
        coalesce(lifecycle.as_of_date >= starts.origins_start_on, false) as has_origins,
        coalesce(lifecycle.as_of_date >= starts.campaign_responses_start_on, false) as has_campaign_responses
    from {{ ref("int_customer_lifecycle") }} as lifecycle
    {% if is_increment() -%}
    -- Small, and its size is known, so that a plan with a dozen joins begins with it.
    inner join {{ ref("int_customer_dates") }} as due  -- noqa: ST11
        on lifecycle.customer_id = due.customer_id and lifecycle.as_of_date = due.as_of_date
    {%- endif %}
    cross join {{ ref("int_source_starts") }} as starts
    where lifecycle.is_month_end and {{ is_in_part("lifecycle.customer_id") }}
)

select
    months.customer_id,
    months.as_of_date,
    segments.country,
    segments.acquisition_channel,
    segments.value_tier,
    segments.need_segment,
    segments.service_line,
    segments.cohort,
    months.lifecycle_stage,
    months.activity_status,
    months.previous_stage as opening_stage,
    segments.opening_value_tier,
    segments.opening_need_segment,
    segments.opening_service_line,
    segments.opening_cohort,
    months.is_current,
    months.activity_status in ('new', 'active') as is_active,
    months.purchase_occasions_lifetime >= 1 as is_buyer,
    months.purchase_occasions_lifetime >= 2 as is_repeat_buyer,
    case
        when months.has_origins
            then
                cast(customers.registered_at as date) >= {{ month_start("months.as_of_date") }}
                and coalesce(customers.acquisition_channel, customers.referred_by) is not null
    end as is_new_of_known_origin,
    case
        when months.has_origins
            then
                cast(customers.registered_at as date) >= {{ month_start("months.as_of_date") }}
                and (
                    customers.referred_by is not null
                    or coalesce(customers.acquisition_channel = 'referral', false)
                )
    end as is_new_by_referral,
    months.is_at_risk,
    months.was_lost,
    case when months.was_lost then months.is_current else months.was_lost end as is_won_back,
    case when months.is_at_risk then events.severity end as churn_severity_begun,
    case when months.is_at_risk then events.initiative end as churn_initiative,
    case when months.is_at_risk then events.value_tier end as churn_value_tier,
    case when months.is_at_risk then events.cause end as churn_cause,
    case
        when months.has_prices and months.is_at_risk and events.severity = 'severe' then events.value_lost
    end as value_lost,
    months.has_prices,
    months.has_margins,
    coalesce(bookings.bookings, 0) as bookings,
    coalesce(bookings.priced_bookings, 0) as priced_bookings,
    coalesce(bookings.margin_bookings, 0) as margin_bookings,
    bookings.net_value,
    bookings.margin_value,
    -- One corporate account would carry the mean of everybody.
    case when months.has_prices and windows.is_high_volume is not true then windows.value_lifetime end
        as value_lifetime,
    case when months.has_tickets then months.is_current and coalesce(support.complaints, 0) > 0 end as has_complained,
    coalesce(support.answered_tickets, 0) as answered_tickets,
    cast(support.first_response_seconds as bigint) as first_response_seconds,
    coalesce(surveys.csat_responses, 0) as csat_responses,
    surveys.csat_score,
    coalesce(surveys.servqual_responses, 0) as servqual_responses,
    surveys.servqual_gap,
    coalesce(surveys.nps_responses, 0) as nps_responses,
    coalesce(surveys.nps_promoters, 0) as nps_promoters,
    coalesce(surveys.nps_detractors, 0) as nps_detractors,
    cast(coalesce(campaigns.messages, 0) as integer) as campaign_messages,
    cast(case when months.has_campaign_responses then coalesce(campaigns.responses, 0) end as integer)
        as campaign_responses,
    cast(coalesce(campaigns.conversions, 0) as integer) as campaign_conversions
from customer_months as months
inner join {{ part_rows("int_customers") }} as customers on months.customer_id = customers.customer_id
inner join {{ due_rows("int_customer_segments") }} as segments
    on months.customer_id = segments.customer_id and months.as_of_date = segments.as_of_date
left join {{ due_rows("int_booking_windows") }} as windows
    on months.customer_id = windows.customer_id and months.as_of_date = windows.as_of_date
left join {{ due_rows("int_churn_events") }} as events
    on months.customer_id = events.customer_id and months.as_of_date = events.as_of_date
left join {{ part_rows("int_booking_months") }} as bookings
    on months.customer_id = bookings.customer_id and months.as_of_date = bookings.as_of_date
left join {{ part_rows("int_support_months") }} as support
    on months.customer_id = support.customer_id and months.as_of_date = support.as_of_date
left join {{ part_rows("int_survey_months") }} as surveys
    on months.customer_id = surveys.customer_id and months.as_of_date = surveys.as_of_date
left join campaign_months as campaigns
    on months.customer_id = campaigns.customer_id and months.as_of_date = campaigns.as_of_date
