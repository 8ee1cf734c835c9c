{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date", "kind", "found_in"]
) }}

-- What was found around the last activity of every customer with a churn severity, one row per finding.
with troubled as (
    select
        lifecycle.customer_id,
        lifecycle.as_of_date,
        lifecycle.dropped_line_names
    from {{ ref("int_customer_lifecycle") }} as lifecycle
    where churn_severity is not null and {{ is_due("lifecycle") }}
),

-- The last activity is the latest booking made, even one that was cancelled, or the end of the latest trip.
activity as (
    select
        troubled.customer_id,
        troubled.as_of_date,
        max(
            case
                when
                    bookings.travel_end > bookings.booked_on
                    and bookings.travel_end <= troubled.as_of_date
                    and bookings.travel_end < bookings.counts_until
                    then bookings.travel_end
                else bookings.booked_on
            end
        ) as last_activity_on
    from troubled
    inner join {{ ref("int_bookings") }} as bookings
        on troubled.customer_id = bookings.customer_id and troubled.as_of_date >= bookings.booked_on
    group by troubled.customer_id, troubled.as_of_date
),

searched as (
    select
        customer_id,
        as_of_date,
        last_activity_on,
        {{ add_days("last_activity_on", -var("evidence_days_before")) }} as search_from,
        least(as_of_date, {{ add_days("last_activity_on", var("evidence_days_after")) }}) as search_until
    from activity
),

supplier_cancellations as (
    select
        searched.customer_id,
        searched.as_of_date,
        'supplier_cancellation' as kind,
        bookings.booking_id as found_in,
        cast(null as varchar) as category,
        cast(bookings.cancelled_at as date) as found_on,
        bookings.service_line || ' booking cancelled by the supplier' as description
    from searched
    inner join {{ ref("int_bookings") }} as bookings
        on
            searched.customer_id = bookings.customer_id
            and searched.search_from <= cast(bookings.cancelled_at as date)
            and searched.search_until >= cast(bookings.cancelled_at as date)
    where bookings.status = 'cancelled_by_supplier'
),

tickets as (
    select
        searched.customer_id,
        searched.as_of_date,
        case
            when tickets.resolution = 'rejected' and cast(tickets.resolved_at as date) <= searched.as_of_date
                then case
                    when tickets.category = 'cancellation_refund' then 'refund_refused'
                    when tickets.is_complaint then 'complaint_rejected'
                end
            when not tickets.is_complaint then null
            when cast(tickets.resolved_at as date) <= searched.as_of_date then 'complaint_settled'
            else 'complaint_unresolved'
        end as kind,
        tickets.ticket_id as found_in,
        tickets.category,
        cast(tickets.opened_at as date) as found_on
    from searched
    inner join {{ ref("stg_support_tickets") }} as tickets
        on
            searched.customer_id = tickets.customer_id
            and searched.search_from <= cast(tickets.opened_at as date)
            and searched.search_until >= cast(tickets.opened_at as date)
),

surveys as (
    select
        searched.customer_id,
        searched.as_of_date,
        case
            when surveys.survey_type = 'nps'
                then case when surveys.score <= {{ var("detractor_score_max") }} then 'nps_detractor' end
            when surveys.perception_score - surveys.expectation_score <= {{ var("servqual_gap_max") }}
                then 'expectation_missed'
            when surveys.score <= {{ var("low_score_max") }} then 'low_score'
        end as kind,
        surveys.response_id as found_in,
        surveys.survey_type,
        surveys.score,
        cast(surveys.responded_at as date) as found_on
    from searched
    inner join {{ ref("stg_surveys") }} as surveys
        on
            searched.customer_id = surveys.customer_id
            and searched.search_from <= cast(surveys.responded_at as date)
            and searched.search_until >= cast(surveys.responded_at as date)
),

dear_months as (
    select
        searched.customer_id,
        searched.as_of_date,
        max(market.own_price_index / market.competitor_price_index) as price_ratio
    from searched
    inner join {{ ref("int_customers") }} as customers on searched.customer_id = customers.customer_id
    inner join {{ ref("stg_market") }} as market
        on
            {{ month_start("searched.last_activity_on") }} = market.month
            and coalesce(market.region, customers.country, '') = coalesce(customers.country, '')
            and {{ month_end("market.month") }} <= searched.as_of_date
    where market.competitor_price_index > 0
    group by searched.customer_id, searched.as_of_date
),

findings as (
    select
        customer_id,
        as_of_date,
        kind,
        found_in,
        category,
        found_on,
        description
    from supplier_cancellations
    union all
    select
        customer_id,
        as_of_date,
        kind,
        found_in,
        category,
        found_on,
        replace(kind, '_', ' ') || ' (' || coalesce(replace(category, '_', ' '), 'no category') || ')'
            as description
    from tickets
    where kind is not null
    union all
    select
        customer_id,
        as_of_date,
        kind,
        found_in,
        cast(null as varchar) as category,
        found_on,
        survey_type || ' score ' || cast(cast(score as decimal(4, 1)) as varchar) as description
    from surveys
    where kind is not null
    union all
    select
        customer_id,
        as_of_date,
        'dearer_than_market' as kind,
        'market' as found_in,
        cast(null as varchar) as category,
        as_of_date as found_on,
        'own prices ' || cast(cast(price_ratio as decimal(6, 2)) as varchar) || ' times the market' as description
    from dear_months
    where price_ratio >= {{ var("price_index_ratio_min") }}
    union all
    select
        customer_id,
        as_of_date,
        'service_line_dropped' as kind,
        dropped_line_names as found_in,
        cast(null as varchar) as category,
        as_of_date as found_on,
        'no longer books ' || dropped_line_names || ' but other lines' as description
    from troubled
    where dropped_line_names is not null
)

select
    findings.customer_id,
    findings.as_of_date,
    findings.kind,
    findings.found_in,
    findings.found_on,
    findings.description,
    case
        when weights.cause <> 'by_category' then weights.cause
        when findings.category = 'price' then 'price'
        when findings.category in ('service_quality', 'cancellation_refund', 'information', 'payment')
            then 'service_quality'
        else 'unknown'
    end as cause,
    cast(weights.weight as double) as weight,
    cast(weights.is_company_side as boolean) as is_company_side
from findings
inner join {{ ref("churn_evidence_weights") }} as weights on findings.kind = weights.kind
