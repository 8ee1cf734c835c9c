{{ config(
    materialized="incremental",
    incremental_strategy="replace_changed_bookings",
    unique_key=["customer_id", "service_line", "booked_on", "counts_until"]
) }}

-- Bookings of one line made on one day and counting equally long, added up: the rows every window sums over.
-- In the order of customers, as int_web_days.
select
    customer_id,
    service_line,
    booked_on,
    counts_until,
    cast(count(*) as integer) as bookings,
    cast(count(net_value) as integer) as priced_bookings,
    cast(count(margin_value) as integer) as margin_bookings,
    cast(sum(net_value) as decimal(18, 2)) as net_value,
    cast(sum(margin_value) as decimal(18, 2)) as margin_value,
    cast(sum(gross_value) as decimal(18, 2)) as gross_value,
    cast(sum(discount_value) as decimal(18, 2)) as discount_value,
    cast(sum(case when lead_days >= 0 then lead_days end) as bigint) as lead_days_sum,
    cast(count(case when lead_days >= 0 then 1 end) as integer) as lead_days_count,
    cast(sum(travellers) as bigint) as travellers_sum,
    cast(count(travellers) as integer) as travellers_count
from {{ ref("int_bookings") }}
where counts_until > booked_on and {{ has_changed_bookings() }}
group by customer_id, service_line, booked_on, counts_until
order by customer_id
