{{ config(
    materialized="incremental",
    incremental_strategy="replace_changed_bookings",
    unique_key=["customer_id", "booked_on"]
) }}

-- Several bookings within one day are one purchase occasion; it counts as long as any of them does.
select
    customer_id,
    booked_on,
    max(counts_until) as counts_until
from {{ ref("int_booking_days") }}
where {{ has_changed_bookings() }}
group by customer_id, booked_on
