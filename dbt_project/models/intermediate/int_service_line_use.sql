{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- Which usual service lines a customer has dropped on each date; only customers who have used several by then.
with line_states as (
    select
        dates.customer_id,
        dates.as_of_date,
        states.scope as service_line,
        states.last_booked_on > dates.start_12m as is_used,
        states.bookings_up_to_last >= {{ var("usual_line_min_bookings") }} as is_usual,
        states.last_booked_on <= {{ months_before("dates.as_of_date", var("dropped_line_months")) }}
        and {{ days_between("states.last_booked_on", "dates.as_of_date") }} >= {{ var("dropped_line_gaps") }}
        * {{ shrunk_gap_days("states.gap_count", "states.median_gap_days", "priors.prior_gap_days") }}
            as is_unused
    from {{ part_rows("int_customer_dates") }} as dates
    inner join {{ ref("int_rhythm_states") }} as states
        on
            dates.customer_id = states.customer_id
            and states.scope <> 'all'
            and dates.as_of_date >= states.state_from
            and dates.as_of_date < states.state_until
    inner join {{ ref("int_rhythm_priors") }} as priors
        on
            dates.as_of_date = priors.as_of_date
            and states.scope = priors.service_line
    where states.purchase_occasions > 0
),

counted as (
    select
        customer_id,
        as_of_date,
        cast(count(case when is_usual then 1 end) as integer) as usual_lines,
        cast(count(case when is_usual and is_unused then 1 end) as integer) as unused_usual_lines,
        cast(count(case when is_used then 1 end) as integer) as used_lines,
        {{ service_line_list("is_usual") }} as usual_line_names
    from line_states
    group by customer_id, as_of_date
    having count(*) > 1
),

-- Apart, since sorting texts for every group takes longer than all the rest, and few groups have any.
named as (
    select
        customer_id,
        as_of_date,
        {{ text_list("service_line") }} as unused_usual_line_names
    from line_states
    where is_usual and is_unused
    group by customer_id, as_of_date
)

select
    counted.customer_id,
    counted.as_of_date,
    counted.usual_lines,
    counted.usual_line_names,
    case when counted.used_lines > 0 then counted.unused_usual_lines else 0 end as dropped_lines,
    case when counted.used_lines > 0 then named.unused_usual_line_names end as dropped_line_names
from counted
left join named on counted.customer_id = named.customer_id and counted.as_of_date = named.as_of_date
