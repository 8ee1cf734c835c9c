{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- Where the customer stands in the journey: travelling while a trip runs, else by the latest touchpoint.
with trips as (
    select
        customer_id,
        greatest(travel_start, booked_on) as starts_on,
        greatest(travel_end, booked_on) as ends_on
    from {{ part_rows("int_bookings") }}
    where travel_start is not null and status <> 'no_show' and counts_until > travel_start
),

touchpoints as (
    select
        customer_id,
        booked_on as touched_on,
        'booking' as journey_stage
    from {{ part_rows("int_bookings") }}
    union all
    select
        customer_id,
        starts_on as touched_on,
        'travelling' as journey_stage
    from trips
    union all
    select
        customer_id,
        {{ add_days("ends_on", 1) }} as touched_on,
        'after' as journey_stage
    from trips
    union all
    select
        customer_id,
        occurred_on as touched_on,
        journey_stage
    from {{ ref("int_web_days") }}
    where journey_stage is not null
    union all
    select
        customer_id,
        cast(responded_at as date) as touched_on,
        touchpoint as journey_stage
    from {{ part_rows("stg_surveys") }}
    where touchpoint is not null
),

-- The last of each month is enough: no earlier one can be the latest on a later date. On one day the
-- touchpoint furthest along the journey wins.
latest_of_month as (
    select
        customer_id,
        least({{ month_end("touched_on") }}, {{ as_of_date() }}) as state_from,
        {{ value_at_latest(
            "journey_stage",
            days_between("cast('1900-01-01' as date)", "touched_on")
            ~ " * 10 + case journey_stage when 'planning' then 1 when 'booking' then 2"
            ~ " when 'after' then 3 else 4 end"
        ) }} as journey_stage
    from touchpoints
    where touched_on <= {{ as_of_date() }}
    group by customer_id, least({{ month_end("touched_on") }}, {{ as_of_date() }})
),

states as (
    select
        customer_id,
        journey_stage,
        state_from,
        lead(state_from, 1, {{ end_of_time() }}) over (partition by customer_id order by state_from)
            as state_until
    from latest_of_month
),

under_way as (
    select distinct
        dates.customer_id,
        dates.as_of_date
    from {{ part_rows("int_customer_dates") }} as dates
    inner join trips
        on
            dates.customer_id = trips.customer_id
            and dates.as_of_date >= trips.starts_on
            and dates.as_of_date <= trips.ends_on
)

select
    dates.customer_id,
    dates.as_of_date,
    case when under_way.customer_id is not null then 'travelling' else states.journey_stage end
        as journey_stage
from {{ part_rows("int_customer_dates") }} as dates
left join states
    on
        dates.customer_id = states.customer_id
        and dates.as_of_date >= states.state_from
        and dates.as_of_date < states.state_until
left join under_way
    on
        dates.customer_id = under_way.customer_id
        and dates.as_of_date = under_way.as_of_date
