{{ config(
    materialized="incremental",
    incremental_strategy="replace_dates",
    unique_key=["fitted_on", "repeat_occasions", "recency_weeks", "age_weeks"]
) }}

-- What the buy-till-you-die model learns from: customers with the same history, counted, as known on each day of
-- fitting. Times in whole weeks, so that a million customers are some hundred thousand rows. Corporate accounts and
-- agencies are no example for people.
select
    rhythm.as_of_date as fitted_on,
    rhythm.gap_count as repeat_occasions,
    cast(round({{ days_between("rhythm.first_booked_on", "rhythm.last_booked_on") }} / 7e0) as integer)
        as recency_weeks,
    cast(round({{ days_between("rhythm.first_booked_on", "rhythm.as_of_date") }} / 7e0) as integer) as age_weeks,
    cast(count(*) as integer) as customers
from {{ ref("int_customer_rhythm") }} as rhythm
inner join {{ ref("int_dates") }} as dates on rhythm.as_of_date = dates.as_of_date
inner join {{ ref("int_booking_windows") }} as windows
    on rhythm.customer_id = windows.customer_id and rhythm.as_of_date = windows.as_of_date
where
    dates.is_month_end
    and mod(month(dates.as_of_date), {{ var("alive_fit_every_months") }}) = 0
    and windows.is_high_volume is not true
    and {{ is_due_date("rhythm.as_of_date") }}
group by 1, 2, 3, 4
