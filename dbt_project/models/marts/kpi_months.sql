-- Every indicator is a numerator over a denominator; a count or a sum has denominator 1. What happened to
-- customers in a month (churn, retention, win-back) is told by the segment they were in at its start.
{% set segment_kinds = ["all", "country", "acquisition_channel", "value_tier"] %}
{# name, numerator, denominator, sample size, factor #}
{% set closing_indicators = [
    ("customers", "customers", "1", "customers", 1),
    ("active_customers", "active_customers", "1", "customers", 1),
    ("repeat_purchase_rate", "repeat_customers", "buyers", "buyers", 1),
    ("revenue", "revenue", "1", "priced_bookings", 1),
    ("margin", "margin", "1", "margin_bookings", 1),
    ("satisfaction", "csat_score", "csat_responses", "csat_responses", 1),
    ("servqual_gap", "servqual_gap", "servqual_responses", "servqual_responses", 1),
    ("nps", "nps_promoters - nps_detractors", "nps_responses", "nps_responses", 100),
    ("complaint_rate", "complaining_customers", "current_customers", "current_customers", 1),
    ("first_response_hours", "first_response_hours", "answered_tickets", "answered_tickets", 1),
] %}
{% set opening_indicators = [
    ("churn_rate", "lost_customers", "customers_at_risk", "customers_at_risk", 1),
    ("retention_rate", "customers_at_risk - lost_customers", "customers_at_risk", "customers_at_risk", 1),
    ("win_back_rate", "won_back_customers", "lost_at_start", "lost_at_start", 1),
] %}

with customer_months as (
    select
        lifecycle.customer_id,
        lifecycle.as_of_date,
        lifecycle.lifecycle_stage,
        lifecycle.previous_stage,
        lifecycle.activity_status,
        lifecycle.purchase_occasions_lifetime,
        coalesce(customers.country, 'unknown') as country,
        coalesce(customers.acquisition_channel, 'unknown') as acquisition_channel,
        coalesce(tiers.value_tier, 'unknown') as value_tier,
        coalesce(
            lag(tiers.value_tier) over (partition by lifecycle.customer_id order by lifecycle.as_of_date), 'unknown'
        ) as opening_value_tier
    from {{ ref("int_customer_lifecycle") }} as lifecycle
    inner join {{ ref("int_customers") }} as customers on lifecycle.customer_id = customers.customer_id
    left join {{ ref("int_value_tiers") }} as tiers
        on lifecycle.customer_id = tiers.customer_id and lifecycle.as_of_date = tiers.as_of_date
    where lifecycle.is_month_end
),

measured as (
    select
        customer_months.*,
        customer_months.lifecycle_stage not in ('prospect', 'lost') as is_current,
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
    from customer_months
    left join {{ ref("int_booking_months") }} as bookings
        on
            customer_months.customer_id = bookings.customer_id
            and customer_months.as_of_date = bookings.as_of_date
    left join {{ ref("int_support_months") }} as support
        on
            customer_months.customer_id = support.customer_id
            and customer_months.as_of_date = support.as_of_date
    left join {{ ref("int_survey_months") }} as surveys
        on
            customer_months.customer_id = surveys.customer_id
            and customer_months.as_of_date = surveys.as_of_date
),

segment_kinds as (
    {% for kind in segment_kinds -%}
    select '{{ kind }}' as segment_kind
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

closing as (
    select
        measured.as_of_date,
        segment_kinds.segment_kind,
        case segment_kinds.segment_kind
            when 'country' then measured.country
            when 'acquisition_channel' then measured.acquisition_channel
            when 'value_tier' then measured.value_tier
            else 'all'
        end as segment,
        count(*) as customers,
        count(case when measured.activity_status in ('new', 'active') then 1 end) as active_customers,
        count(case when measured.purchase_occasions_lifetime >= 2 then 1 end) as repeat_customers,
        count(case when measured.purchase_occasions_lifetime >= 1 then 1 end) as buyers,
        count(case when measured.is_current then 1 end) as current_customers,
        -- A source that has not delivered yet leaves its indicators out instead of making them zero; so do
        -- bookings of which none has an amount in the reporting currency.
        case
            when measured.as_of_date >= max(starts.prices_start_on)
                then case when coalesce(sum(measured.bookings), 0) = 0 then 0 else sum(measured.net_value) end
        end as revenue,
        coalesce(sum(measured.priced_bookings), 0) as priced_bookings,
        case
            when measured.as_of_date >= max(starts.margins_start_on)
                then case when coalesce(sum(measured.bookings), 0) = 0 then 0 else sum(measured.margin_value) end
        end as margin,
        coalesce(sum(measured.margin_bookings), 0) as margin_bookings,
        case
            when measured.as_of_date >= max(starts.tickets_start_on)
                then count(case when measured.is_current and measured.complaints > 0 then 1 end)
        end as complaining_customers,
        sum(measured.answered_tickets) as answered_tickets,
        cast(sum(measured.first_response_seconds) as double) / 3600 as first_response_hours,
        sum(measured.csat_responses) as csat_responses,
        sum(measured.csat_score) as csat_score,
        sum(measured.servqual_responses) as servqual_responses,
        sum(measured.servqual_gap) as servqual_gap,
        sum(measured.nps_responses) as nps_responses,
        sum(measured.nps_promoters) as nps_promoters,
        sum(measured.nps_detractors) as nps_detractors
    from measured
    cross join segment_kinds
    cross join {{ ref("int_source_starts") }} as starts
    group by 1, 2, 3
),

opening as (
    select
        measured.as_of_date,
        segment_kinds.segment_kind,
        case segment_kinds.segment_kind
            when 'country' then measured.country
            when 'acquisition_channel' then measured.acquisition_channel
            when 'value_tier' then measured.opening_value_tier
            else 'all'
        end as segment,
        count(case when measured.previous_stage not in ('prospect', 'lost') then 1 end) as customers_at_risk,
        count(
            case
                when measured.previous_stage not in ('prospect', 'lost') and measured.lifecycle_stage = 'lost' then 1
            end
        ) as lost_customers,
        count(case when measured.previous_stage = 'lost' then 1 end) as lost_at_start,
        count(case when measured.previous_stage = 'lost' and measured.is_current then 1 end) as won_back_customers
    from measured
    cross join segment_kinds
    where measured.previous_stage is not null
    group by 1, 2, 3
),

indicators as (
    {% for relation, indicators in [("closing", closing_indicators), ("opening", opening_indicators)] -%}
    {% set outer_loop = loop -%}
    {% for name, numerator, denominator, sample_size, factor in indicators -%}
    select
        as_of_date,
        segment_kind,
        segment,
        '{{ name }}' as indicator,
        cast({{ numerator }} as double) as numerator,
        cast({{ denominator }} as double) as denominator,
        {{ factor }} as factor,
        cast({{ sample_size }} as bigint) as sample_size
    from {{ relation }}
    {%- if not (loop.last and outer_loop.last) %}
    union all
    {% endif %}
    {%- endfor %}
    {%- endfor %}
)

select
    {{ month_start("as_of_date") }} as month,
    segment_kind,
    segment,
    indicator,
    numerator,
    denominator,
    factor * numerator / denominator as value,
    sample_size
from indicators
where numerator is not null and denominator > 0
