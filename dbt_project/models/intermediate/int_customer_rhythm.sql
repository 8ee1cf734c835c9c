{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

with shrunk as (
    select
        windows.customer_id,
        windows.as_of_date,
        states.state_from,
        states.first_booked_on,
        states.last_booked_on,
        states.gap_count,
        states.median_gap_days,
        states.bookings_up_to_last,
        priors.prior_gap_days,
        {{ days_between("states.last_booked_on", "windows.as_of_date") }} as days_since_last_booking,
        {{ shrunk_gap_days("states.gap_count", "states.median_gap_days", "priors.prior_gap_days") }}
            as shrunk_gap_days
    from {{ due_rows("int_booking_windows") }} as windows
    inner join {{ ref("int_rhythm_states") }} as states
        on
            windows.customer_id = states.customer_id
            and states.scope = 'all'
            and windows.as_of_date >= states.state_from
            and windows.as_of_date < states.state_until
    inner join {{ ref("int_rhythm_priors") }} as priors
        on
            windows.as_of_date = priors.as_of_date
            and windows.dominant_service_line = priors.service_line
),

judged as (
    select
        *,
        (
            days_since_last_booking >= {{ var("lost_min_days") }}
            and days_since_last_booking > {{ var("lost_overdue_ratio") }} * shrunk_gap_days
        )
        or days_since_last_booking >= {{ var("lost_max_days") }} as is_past_loss
    from shrunk
),

-- Similar customers go on booking, so the prior moves; a customer who is lost keeps the rhythm they were
-- lost by. Only a booking of their own ends the loss.
past_losses as (
    select
        customer_id,
        state_from,
        as_of_date,
        shrunk_gap_days
    from judged
    where is_past_loss
    {% if is_increment() -%}
    union all
    select
        customer_id,
        state_from,
        as_of_date,
        typical_gap_days as shrunk_gap_days
    from ({{ kept_rows() }}) as kept
    where is_lost
    {%- endif %}
),

losses as (
    select
        customer_id,
        state_from,
        min(as_of_date) as lost_on,
        {{ value_at_latest("shrunk_gap_days", days_between("as_of_date", end_of_time())) }} as gap_days_at_loss
    from past_losses
    group by customer_id, state_from
),

settled as (
    select
        judged.customer_id,
        judged.as_of_date,
        judged.state_from,
        judged.first_booked_on,
        judged.last_booked_on,
        judged.gap_count,
        judged.median_gap_days,
        judged.bookings_up_to_last,
        judged.prior_gap_days,
        judged.days_since_last_booking,
        coalesce(judged.as_of_date >= losses.lost_on, false) as is_lost,
        case
            when judged.as_of_date >= losses.lost_on then losses.gap_days_at_loss
            else judged.shrunk_gap_days
        end as typical_gap_days
    from judged
    left join losses
        on
            judged.customer_id = losses.customer_id
            and judged.state_from = losses.state_from
)

select
    *,
    days_since_last_booking / typical_gap_days as overdue_ratio
from settled
