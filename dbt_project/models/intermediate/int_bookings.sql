{{ config(materialized="incremental", incremental_strategy="replace_changed_bookings", unique_key=["booking_id"]) }}

with rated as (
    select
        bookings.*,
        case when bookings.currency = reporting.currency then 1 else rates.rate end as rate_to_reporting
    from {{ ref("stg_bookings") }} as bookings
    cross join {{ ref("int_reporting_currency") }} as reporting
    left join {{ ref("int_exchange_rates") }} as rates
        on
            bookings.currency = rates.currency
            and cast(bookings.booked_at as date) >= rates.valid_from
            and cast(bookings.booked_at as date) < rates.valid_until
    where {{ has_changed_bookings("bookings.customer_id") }}
),

-- No net amount, no value at all: a gross amount alone would be added up as if nothing had been paid for it.
priced as (
    select
        *,
        case when net_amount is not null then rate_to_reporting end as rate
    from rated
)

select
    booking_id,
    customer_id,
    booked_at,
    cast(booked_at as date) as booked_on,
    -- Exclusive: on the day of its cancellation a booking no longer counts. No-shows count.
    coalesce(cast(cancelled_at as date), {{ end_of_time() }}) as counts_until,
    service_line,
    destination,
    travel_start,
    coalesce(travel_end, travel_start) as travel_end,
    {{ days_between("cast(booked_at as date)", "travel_start") }} as lead_days,
    travellers,
    channel,
    net_amount,
    margin_amount,
    currency,
    status,
    cancelled_at,
    cast(round(net_amount * rate, 2) as decimal(18, 2)) as net_value,
    cast(round(gross_amount * rate, 2) as decimal(18, 2)) as gross_value,
    cast(round(discount_amount * rate, 2) as decimal(18, 2)) as discount_value,
    cast(round(margin_amount * rate, 2) as decimal(18, 2)) as margin_value
from priced
