{{ config(materialized="incremental", incremental_strategy="replace_changed_bookings", unique_key=["booking_id"]) }}

select
    bookings.booking_id,
    bookings.customer_id,
    bookings.booked_at,
    bookings.service_line,
    bookings.destination,
    bookings.travel_start,
    bookings.travel_end,
    bookings.travellers,
    bookings.channel,
    bookings.net_amount,
    bookings.margin_amount,
    bookings.currency,
    bookings.net_value,
    bookings.margin_value,
    bookings.status,
    bookings.cancelled_at,
    cast(bookings.lead_days as integer) as lead_days,
    -- An earlier day on which something was bought that still counted.
    coalesce(
        bookings.booked_on > min(
            case when bookings.counts_until > bookings.booked_on then bookings.booked_on end
        ) over (
            partition by bookings.customer_id order by bookings.booked_on
            range between unbounded preceding and current row
        ),
        false
    ) as is_repeat
from {{ ref("int_bookings") }} as bookings
where {{ has_changed_bookings("bookings.customer_id") }}
