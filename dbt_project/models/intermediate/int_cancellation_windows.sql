{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- Bookings that went wrong in the 12 months before each date, placed where the cancellation became known;
-- a no-show is known when the trip should have started.
with incidents as (
    select
        customer_id,
        status,
        case
            when status = 'no_show' then greatest(coalesce(travel_start, booked_on), booked_on)
            else cast(cancelled_at as date)
        end as happened_on
    from {{ ref("int_bookings") }}
    where status in ('cancelled_by_customer', 'cancelled_by_supplier', 'no_show')
)

select
    dates.customer_id,
    dates.as_of_date,
    cast(count(case when incidents.status = 'cancelled_by_customer' then 1 end) as integer)
        as cancellations_by_customer_12m,
    cast(count(case when incidents.status = 'cancelled_by_supplier' then 1 end) as integer)
        as cancellations_by_supplier_12m,
    cast(count(case when incidents.status = 'no_show' then 1 end) as integer) as no_shows_12m
from {{ part_rows("int_customer_dates") }} as dates
inner join incidents
    on
        dates.customer_id = incidents.customer_id
        and dates.as_of_date >= incidents.happened_on
        and dates.start_12m < incidents.happened_on
group by dates.customer_id, dates.as_of_date
