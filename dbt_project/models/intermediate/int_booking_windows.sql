{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- What had been booked on each date, in windows that end on it. Only customers with a counted booking.
with by_line as (
    select
        dates.customer_id,
        dates.as_of_date,
        days.service_line,
        cast(sum(days.bookings) as integer) as bookings_lifetime,
        cast(sum(case when days.booked_on > dates.start_12m then days.bookings else 0 end) as integer)
            as bookings_12m,
        sum(
            case
                when days.booked_on > dates.start_24m and days.booked_on <= dates.start_12m then days.bookings
                else 0
            end
        ) as bookings_prior_12m,
        sum(case when days.booked_on > dates.start_12m then days.priced_bookings else 0 end) as priced_bookings_12m,
        sum(
            case
                when days.booked_on > dates.start_24m and days.booked_on <= dates.start_12m
                    then days.priced_bookings
                else 0
            end
        ) as priced_bookings_prior_12m,
        sum(days.priced_bookings) as priced_bookings_lifetime,
        sum(days.net_value) as value_lifetime,
        sum(case when days.booked_on > dates.start_12m then days.net_value end) as value_12m,
        sum(case when days.booked_on > dates.start_24m then days.net_value end) as value_24m,
        sum(
            case
                when days.booked_on > dates.start_24m and days.booked_on <= dates.start_12m then days.net_value
            end
        ) as value_prior_12m,
        sum(case when days.booked_on > dates.start_12m then days.gross_value end) as gross_value_12m,
        sum(case when days.booked_on > dates.start_12m then days.discount_value end) as discount_value_12m,
        sum(days.lead_days_sum) as lead_days_sum,
        sum(days.lead_days_count) as lead_days_count,
        sum(days.travellers_sum) as travellers_sum,
        sum(days.travellers_count) as travellers_count
    from {{ part_rows("int_customer_dates") }} as dates
    inner join {{ ref("int_booking_days") }} as days
        on
            dates.customer_id = days.customer_id
            and dates.as_of_date >= days.booked_on
            and dates.as_of_date < days.counts_until
    group by dates.customer_id, dates.as_of_date, days.service_line
)

select
    customer_id,
    as_of_date,
    -- The most booked one, of several the first by name; a maximum, since ranking would sort every group.
    {{ value_at_latest("service_line", "10 * bookings_lifetime - " ~ service_line_place("service_line")) }}
        as dominant_service_line,
    cast(sum(bookings_lifetime) as integer) as bookings_lifetime,
    -- More than one person books: a corporate account, an agency, a bot.
    sum(bookings_lifetime) >= {{ var("high_volume_bookings") }} as is_high_volume,
    cast(sum(bookings_12m) as integer) as bookings_12m,
    cast(count(*) as integer) as service_lines_lifetime,
    cast(count(case when bookings_12m > 0 then 1 end) as integer) as service_lines_12m,
    {{ service_line_list("bookings_12m > 0") }} as service_line_names_12m,
    cast(sum(priced_bookings_12m) as integer) as priced_bookings_12m,
    cast(sum(priced_bookings_prior_12m) as integer) as priced_bookings_prior_12m,
    cast(sum(priced_bookings_lifetime) as integer) as priced_bookings_lifetime,
    cast(sum(value_lifetime) as decimal(18, 2)) as value_lifetime,
    -- Who booked nothing in a window is worth 0 in it; of who booked without a known price nobody can say.
    cast(case when sum(bookings_12m) = 0 then 0 else sum(value_12m) end as decimal(18, 2)) as value_12m,
    cast(case when sum(bookings_12m + bookings_prior_12m) = 0 then 0 else sum(value_24m) end as decimal(18, 2))
        as value_24m,
    cast(case when sum(bookings_prior_12m) = 0 then 0 else sum(value_prior_12m) end as decimal(18, 2))
        as value_prior_12m,
    cast(sum(gross_value_12m) as decimal(18, 2)) as gross_value_12m,
    cast(sum(discount_value_12m) as decimal(18, 2)) as discount_value_12m,
    cast(sum(lead_days_sum) as double) / nullif(sum(lead_days_count), 0) as average_lead_days,
    cast(sum(travellers_sum) as double) / nullif(sum(travellers_count), 0) as average_travellers
from by_line
group by customer_id, as_of_date
