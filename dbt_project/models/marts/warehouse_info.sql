with span as (
    select
        min(booked_on) as data_starts_on,
        max(booked_on) as data_ends_on,
        count(case when net_amount is not null and net_value is null then 1 end) as bookings_in_other_currencies
    from {{ ref("int_bookings") }}
)

select
    {{ as_of_date() }} as as_of_date,
    reporting.currency as reporting_currency,
    span.data_starts_on,
    span.data_ends_on,
    span.bookings_in_other_currencies,
    starts.prices_start_on is not null as has_prices,
    starts.surveys_start_on is not null as has_surveys,
    starts.tickets_start_on is not null as has_tickets,
    starts.web_events_start_on is not null as has_web_events,
    starts.loyalty_start_on is not null as has_loyalty,
    starts.consents_start_on is not null as has_consents,
    cast({{ var("label_horizon_min_days") }} as integer) as label_horizon_min_days,
    cast({{ var("label_horizon_max_days") }} as integer) as label_horizon_max_days
from span
cross join {{ ref("int_reporting_currency") }} as reporting
cross join {{ ref("int_source_starts") }} as starts
