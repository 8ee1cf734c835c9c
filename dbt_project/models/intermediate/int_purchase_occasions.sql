{{ config(
    materialized="incremental",
    incremental_strategy="replace_customers",
    unique_key=["customer_id", "booked_on"]
) }}

-- Several bookings within one day are one purchase occasion; it counts as long as any of them does.
select
    customer_id,
    booked_on,
    max(counts_until) as counts_until
from {{ ref("int_booking_days") }}
where {{ is_of_changed_customer() }}
group by customer_id, booked_on
