{{ config(
    materialized="incremental",
    incremental_strategy="replace_changed_bookings",
    unique_key=["customer_id", "as_of_date"]
) }}

-- What was booked in each month and still counted at its end.
select
    days.customer_id,
    {{ month_end("days.booked_on") }} as as_of_date,
    cast(sum(days.bookings) as integer) as bookings,
    cast(sum(days.priced_bookings) as integer) as priced_bookings,
    cast(sum(days.margin_bookings) as integer) as margin_bookings,
    cast(sum(days.net_value) as decimal(18, 2)) as net_value,
    cast(sum(days.margin_value) as decimal(18, 2)) as margin_value
from {{ ref("int_booking_days") }} as days
where
    days.counts_until > {{ month_end("days.booked_on") }}
    and {{ has_changed_bookings("days.customer_id") }}
group by days.customer_id, {{ month_end("days.booked_on") }}
