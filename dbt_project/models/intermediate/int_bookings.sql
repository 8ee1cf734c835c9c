with priced as (
    select
        bookings.*,
        bookings.currency = reporting.currency and bookings.net_amount is not null as is_in_reporting_currency
    from {{ ref("stg_bookings") }} as bookings
    cross join {{ ref("int_reporting_currency") }} as reporting
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
    case when is_in_reporting_currency then net_amount end as net_value,
    case when is_in_reporting_currency then gross_amount end as gross_value,
    case when is_in_reporting_currency then discount_amount end as discount_value,
    case when is_in_reporting_currency then margin_amount end as margin_value
from priced
