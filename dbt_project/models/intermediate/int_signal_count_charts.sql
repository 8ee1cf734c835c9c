-- u'-charts of counts: what each customer did beside what their own past lets expect, in standard deviations.
--   rate      the customer's own, drawn towards everybody's by as much as customers are alike (gamma-Poisson, moments)
--   season    times what all customers in the same part of their rhythm did on the date, against the same expectation
--   z         Freeman-Tukey deviate, over what is unsure of the rate, over the spread of all customers on the date,
--             which is more than Poisson's since events come in bursts (Laney 2002)
-- Sums are of integers and decimals, so that they do not depend on the order of rows.
with totals as (
    select
        signal,
        as_of_date,
        cast(sum(past) as double) as past,
        cast(sum(past_exposure) as double) as past_exposure,
        cast(sum(past * past) as double) as past_squares,
        cast(sum(past * past_exposure) as double) as past_products,
        cast(sum(past_exposure * past_exposure) as double) as past_exposure_squares
    from {{ ref("int_signal_counts") }}
    group by signal, as_of_date
    having count(*) >= {{ var("signal_min_customers") }} and sum(past) > 0
),

common_rates as (
    select
        signal,
        as_of_date,
        past / past_exposure as rate,
        -- Of rates among customers: the squares around the common rate beyond those of Poisson counts. Customers
        -- who do not differ at all would have an infinite weight, so a hundredth of the rate is the least spread.
        greatest(
            (
                past_squares - past - 2 * past / past_exposure * past_products
                + past * past / past_exposure / past_exposure * past_exposure_squares
            ) / past_exposure_squares,
            0.0001 * past * past / past_exposure / past_exposure
        ) as rate_variance
    from totals
),

expected as (
    select
        counts.*,
        common_rates.rate * common_rates.rate / common_rates.rate_variance + counts.past as shape,
        (common_rates.rate * common_rates.rate / common_rates.rate_variance + counts.past)
        / (common_rates.rate / common_rates.rate_variance + counts.past_exposure) * counts.exposure as by_own_past
    from {{ ref("int_signal_counts") }} as counts
    inner join common_rates on counts.signal = common_rates.signal and counts.as_of_date = common_rates.as_of_date
),

seasons as (
    select
        signal,
        as_of_date,
        rhythm_part,
        (cast(sum(observed) as double) + {{ var("signal_season_weight_events") }})
        / (cast(sum(cast(by_own_past as decimal(18, 6))) as double) + {{ var("signal_season_weight_events") }})
            as factor
    from expected
    group by signal, as_of_date, rhythm_part
),

deviates as (
    select
        expected.*,
        expected.by_own_past * seasons.factor as usual,
        sqrt(1 + expected.by_own_past * seasons.factor / expected.shape) as rate_spread,
        sqrt(expected.observed) + sqrt(expected.observed + 1)
        - sqrt(4 * expected.by_own_past * seasons.factor + 1) as deviate
    from expected
    inner join seasons
        on
            expected.signal = seasons.signal
            and expected.as_of_date = seasons.as_of_date
            and expected.rhythm_part = seasons.rhythm_part
),

spreads as (
    select
        signal,
        as_of_date,
        -- From the median, so that those who left do not widen the limits for those who stay.
        greatest(1, 1.4826 * {{ median("abs(deviate / rate_spread)") }}) as spread
    from deviates
    group by signal, as_of_date
),

judged as (
    select
        deviates.*,
        deviates.rate_spread * spreads.spread as deviation,
        case when deviates.signal like '%_falling' then -1 else 1 end as direction,
        {{ signal_limit("deviates.signal") }} as limit_z
    from deviates
    inner join spreads on deviates.signal = spreads.signal and deviates.as_of_date = spreads.as_of_date
),

-- Where the deviate reaches the limit: sqrt(x) + sqrt(x + 1) = y is x = ((y - 1 / y) / 2) squared.
limited as (
    select
        *,
        greatest(1, sqrt(4 * usual + 1) + direction * limit_z * deviation) as limit_root
    from judged
)

select
    customer_id,
    as_of_date,
    signal,
    unit,
    window_days,
    cast(observed as double) as observed,
    round(usual, 4) as usual,
    round(power((limit_root - 1 / limit_root) / 2, 2), 4) as control_limit,
    round(direction * deviate / deviation, 4) as z_score
from limited
