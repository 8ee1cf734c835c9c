{{ config(
    materialized="incremental",
    incremental_strategy="replace_changed_bookings",
    unique_key=["customer_id", "scope", "state_from"]
) }}

-- The rhythm only moves when the set of counted bookings does. So it is computed once per month that changes it,
-- for the month's date, instead of for every date. Scope 'all' is the customer; the other
-- scopes are single service lines, needed only for customers who use more than one.
with several_lines as (
    select customer_id
    from {{ part_rows("int_booking_days") }}
    where {{ has_changed_bookings() }}
    group by customer_id
    having min(service_line) <> max(service_line)
),

booking_days as (
    select
        customer_id,
        'all' as scope,
        booked_on,
        counts_until,
        sum(bookings) as bookings
    from {{ part_rows("int_booking_days") }}
    where {{ has_changed_bookings() }}
    group by customer_id, booked_on, counts_until
    union all
    select
        days.customer_id,
        days.service_line as scope,
        days.booked_on,
        days.counts_until,
        days.bookings
    from {{ part_rows("int_booking_days") }} as days
    inner join several_lines on days.customer_id = several_lines.customer_id
),

changed_on as (
    select
        customer_id,
        scope,
        {{ month_start("booked_on") }} as state_from
    from booking_days
    union
    select
        customer_id,
        scope,
        {{ month_start("counts_until") }} as state_from
    from booking_days
    where counts_until <= {{ as_of_date() }}
),

-- A number is quicker to sort by than three columns; some customers have thousands of bookings.
states as (
    select
        *,
        -- The one date of the month: its end, or the date of the build.
        least({{ month_end("state_from") }}, {{ as_of_date() }}) as seen_on,
        row_number() over (order by customer_id, scope, state_from) as state_key
    from changed_on
),

counted as (
    select
        states.state_key,
        booking_days.booked_on,
        booking_days.bookings,
        -- 0 where two rows of one day count differently long: one occasion, no gap.
        nullif({{ days_between("lag(booking_days.booked_on) over state", "booking_days.booked_on") }}, 0) as gap_days,
        last_value(booking_days.booked_on) over state as last_booked_on
    from states
    inner join booking_days
        on
            states.customer_id = booking_days.customer_id
            and states.scope = booking_days.scope
            and states.seen_on >= booking_days.booked_on
            and states.seen_on < booking_days.counts_until
    window
        state as (
            partition by states.state_key
            order by booking_days.booked_on
            rows between unbounded preceding and unbounded following
        )
),

measured as (
    select
        state_key,
        min(booked_on) as first_booked_on,
        max(booked_on) as last_booked_on,
        cast(count(gap_days) as integer) as gap_count,
        {{ median("gap_days") }} as median_gap_days,
        round(
            var_pop(case when gap_days > 0 then ln(greatest(gap_days, {{ var("rhythm_min_gap_days") }})) end)
            * count(gap_days),
            6
        ) as log_gap_squares,
        cast(
            sum(
                case
                    when booked_on > {{ add_months("last_booked_on", -var("usual_line_months")) }} then bookings
                    else 0
                end
            ) as integer
        ) as bookings_up_to_last
    from counted
    group by state_key
)

select
    states.customer_id,
    states.scope,
    states.state_from,
    -- Exclusive.
    lead(states.state_from, 1, {{ end_of_time() }}) over (
        partition by states.customer_id, states.scope order by states.state_from
    ) as state_until,
    case when measured.state_key is null then 0 else measured.gap_count + 1 end as purchase_occasions,
    measured.first_booked_on,
    measured.last_booked_on,
    coalesce(measured.gap_count, 0) as gap_count,
    measured.median_gap_days,
    measured.log_gap_squares,
    coalesce(measured.bookings_up_to_last, 0) as bookings_up_to_last
from states
left join measured on states.state_key = measured.state_key
