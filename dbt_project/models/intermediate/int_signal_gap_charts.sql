-- t-charts of the time since the last booking: the logarithm of days against the customer's typical gap, over the
-- spread of their own log gaps, drawn towards that of all customers on the date.
with gaps as (
    select
        watched.customer_id,
        watched.as_of_date,
        watched.typical_gap_days,
        watched.days_since_last_booking,
        states.gap_count,
        states.log_gap_squares
    from {{ ref("int_watched_customers") }} as watched
    inner join {{ ref("int_customer_rhythm") }} as rhythm
        on watched.customer_id = rhythm.customer_id and watched.as_of_date = rhythm.as_of_date
    inner join {{ ref("int_rhythm_states") }} as states
        on
            rhythm.customer_id = states.customer_id
            and rhythm.state_from = states.state_from
            and states.scope = 'all'
    where states.gap_count >= {{ var("signal_min_gaps") }}
),

common_spreads as (
    select
        as_of_date,
        cast(sum(cast(log_gap_squares as decimal(18, 6))) as double) / sum(gap_count - 1) as variance
    from gaps
    group by as_of_date
    having count(*) >= {{ var("signal_min_customers") }}
),

spread as (
    select
        gaps.*,
        sqrt(
            (gaps.log_gap_squares + {{ var("signal_spread_weight_gaps") }} * common_spreads.variance)
            / (gaps.gap_count - 1 + {{ var("signal_spread_weight_gaps") }})
        ) as deviation,
        {{ signal_limit("'bookings_falling'") }} as limit_z
    from gaps
    inner join common_spreads on gaps.as_of_date = common_spreads.as_of_date
    where common_spreads.variance > 0
)

select
    customer_id,
    as_of_date,
    'bookings_falling' as signal,
    'days' as unit,
    cast(null as integer) as window_days,
    cast(days_since_last_booking as double) as observed,
    typical_gap_days as usual,
    round(typical_gap_days * exp(limit_z * deviation), 4) as control_limit,
    round(ln(greatest(days_since_last_booking, 1) / typical_gap_days) / deviation, 4) as z_score
from spread
