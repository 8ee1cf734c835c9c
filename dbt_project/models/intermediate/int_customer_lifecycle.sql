{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- One row per customer and date: the stage (the first that fits), and what it follows from.
with measured as (
    select
        dates.customer_id,
        dates.as_of_date,
        dates.is_month_end,
        dates.start_12m,
        rhythm.first_booked_on,
        rhythm.last_booked_on,
        rhythm.gap_count,
        rhythm.typical_gap_days,
        rhythm.days_since_last_booking,
        rhythm.overdue_ratio,
        coalesce(occasions.purchase_occasions_lifetime, 0) as purchase_occasions_lifetime,
        coalesce(occasions.purchase_occasions_12m, 0) as purchase_occasions_12m,
        coalesce(occasions.purchase_occasions_prior_12m, 0) as purchase_occasions_prior_12m,
        coalesce(windows.priced_bookings_12m, 0) as priced_bookings_12m,
        coalesce(windows.priced_bookings_prior_12m, 0) as priced_bookings_prior_12m,
        coalesce(windows.value_12m, 0) as value_12m,
        coalesce(windows.value_prior_12m, 0) as value_prior_12m,
        coalesce(rhythm.is_lost, false) as is_lost,
        coalesce(line_use.dropped_lines, 0) as dropped_lines,
        line_use.dropped_line_names
    from {{ part_rows("int_customer_dates") }} as dates
    left join {{ due_rows("int_customer_rhythm") }} as rhythm
        on dates.customer_id = rhythm.customer_id and dates.as_of_date = rhythm.as_of_date
    left join {{ due_rows("int_occasion_windows") }} as occasions
        on dates.customer_id = occasions.customer_id and dates.as_of_date = occasions.as_of_date
    left join {{ due_rows("int_booking_windows") }} as windows
        on dates.customer_id = windows.customer_id and dates.as_of_date = windows.as_of_date
    left join {{ due_rows("int_service_line_use") }} as line_use
        on dates.customer_id = line_use.customer_id and dates.as_of_date = line_use.as_of_date
),

compared as (
    select
        *,
        {{ is_clearly_down("purchase_occasions_prior_12m", "purchase_occasions_12m") }} as is_frequency_down,
        {{ is_clearly_up("purchase_occasions_prior_12m", "purchase_occasions_12m") }} as is_frequency_up,
        coalesce(
            priced_bookings_12m >= {{ var("spend_min_bookings") }}
            and priced_bookings_prior_12m >= {{ var("spend_min_bookings") }}
            and value_prior_12m > 0
            -- The two means compared crosswise, since a quotient of decimals would not be exact.
            and value_12m * priced_bookings_prior_12m
            <= {{ 1 - var("clear_fall_share") }} * value_prior_12m * priced_bookings_12m,
            false
        ) as is_value_per_booking_down
    from measured
),

staged as (
    select
        *,
        case
            when purchase_occasions_lifetime = 0 then 'prospect'
            when is_lost then 'lost'
            when
                overdue_ratio > {{ var("decline_overdue_ratio") }}
                or is_frequency_down
                or dropped_lines > 0
                then 'decline'
            when purchase_occasions_lifetime = 1 then 'introduction'
            when is_frequency_up or first_booked_on > start_12m then 'growth'
            else 'maturity'
        end as lifecycle_stage,
        case
            when purchase_occasions_lifetime = 0 then 'prospect'
            when is_lost then 'lost'
            when {{ days_between("first_booked_on", "as_of_date") }} < {{ var("new_customer_days") }} then 'new'
            when overdue_ratio > {{ var("silent_overdue_ratio") }} then 'silent'
            else 'active'
        end as activity_status,
        case
            when is_lost then 'severe'
            when dropped_lines > 0 then 'moderate'
            when is_frequency_down or is_value_per_booking_down then 'light'
        end as churn_severity
    from compared
),

lost as (
    select
        *,
        case when lifecycle_stage = 'lost' then as_of_date end as lost_on,
        case when lifecycle_stage = 'lost' and is_month_end then as_of_date end as lost_at_month_end
    from staged
),

{% if is_increment() -%}
kept as ({{ kept_rows() }}),

{% endif -%}
remembered as (
    select
        lost.*,
        {{ value_before("lost", "lifecycle_stage") }} as previous_stage,
        {{ value_before("lost", "churn_severity") }} as previous_severity,
        coalesce(
            max(lost.lost_on) over (partition by lost.customer_id order by lost.as_of_date)
            {%- if is_increment() %}, kept.latest_lost_on{% else %}, null{% endif %}
        ) as latest_lost_on,
        coalesce(
            {% if is_increment() -%} kept.first_month_lost_on, {% endif -%}
            min(lost.lost_at_month_end) over (partition by lost.customer_id order by lost.as_of_date), null
        ) as first_month_lost_on
    from lost
    {% if is_increment() -%}
    left join kept on lost.customer_id = kept.customer_id  -- noqa: ST11
    {%- endif %}
)

select
    customer_id,
    as_of_date,
    is_month_end,
    first_booked_on,
    last_booked_on,
    gap_count,
    typical_gap_days,
    days_since_last_booking,
    overdue_ratio,
    purchase_occasions_lifetime,
    dropped_lines,
    dropped_line_names,
    is_frequency_down,
    is_frequency_up,
    is_value_per_booking_down,
    lifecycle_stage,
    previous_stage,
    activity_status,
    churn_severity,
    previous_severity,
    latest_lost_on,
    first_month_lost_on,
    -- A booking after a loss starts a new cycle, which stays marked until the customer is lost again.
    coalesce(lifecycle_stage not in ('lost', 'prospect') and last_booked_on > latest_lost_on, false)
        as is_reactivated
from remembered
