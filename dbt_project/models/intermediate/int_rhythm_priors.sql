{{ config(
    materialized="incremental",
    incremental_strategy="replace_dates",
    unique_key=["as_of_date", "service_line"]
) }}

-- The median gap of similar customers (same dominant service line) on each date, itself drawn to that of
-- all customers, and that to a default, where few customers have come back yet.
with observed as (
    select
        windows.as_of_date,
        windows.dominant_service_line as service_line,
        states.median_gap_days
    from {{ ref("int_booking_windows") }} as windows
    inner join {{ ref("int_rhythm_states") }} as states
        on
            windows.customer_id = states.customer_id
            and states.scope = 'all'
            and windows.as_of_date >= states.state_from
            and windows.as_of_date < states.state_until
    -- Who books for many has no rhythm of a traveller, and would give it to everybody else of a small line.
    where
        states.gap_count > 0
        and windows.is_high_volume is not true
        and {{ is_due_date("windows.as_of_date") }}
),

everybody as (
    select
        as_of_date,
        count(*) as customers,
        {{ median("median_gap_days") }} as median_gap_days
    from observed
    group by as_of_date
),

line_groups as (
    select
        as_of_date,
        service_line,
        count(*) as customers,
        {{ median("median_gap_days") }} as median_gap_days
    from observed
    group by as_of_date, service_line
),

wide as (
    select
        dates.as_of_date,
        {{ weighted_geometric_mean(
            "everybody.customers", "everybody.median_gap_days",
            var("rhythm_group_weight_customers"), var("rhythm_default_gap_days")
        ) }} as prior_gap_days
    from {{ ref("int_dates") }} as dates
    left join everybody on dates.as_of_date = everybody.as_of_date
    where {{ is_due_date("dates.as_of_date") }}
),

lines as (
    select
        service_line,
        min(booked_on) as first_booked_on
    from {{ ref("int_booking_days") }}
    group by service_line
)

select
    wide.as_of_date,
    lines.service_line,
    cast(coalesce(line_groups.customers, 0) as integer) as similar_customers,
    line_groups.median_gap_days,
    {{ weighted_geometric_mean(
        "line_groups.customers", "line_groups.median_gap_days",
        var("rhythm_group_weight_customers"), "wide.prior_gap_days"
    ) }} as prior_gap_days
from wide
inner join lines on wide.as_of_date >= lines.first_booked_on
left join line_groups
    on
        wide.as_of_date = line_groups.as_of_date
        and lines.service_line = line_groups.service_line
