{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- Recency, frequency and money, each worth one to three points by thresholds that are fixed and dated
-- (seeds/value_tier_thresholds.csv), so that nobody's tier moves because others changed.
with thresholds as (
    select
        cast(measure as varchar) as measure,
        cast(currency as varchar) as currency,
        cast(min_value as double) as min_value,
        cast(points as integer) as points,
        cast(valid_from as date) as valid_from,
        lead(cast(valid_from as date), 1, {{ end_of_time() }}) over (
            partition by measure, currency, points order by valid_from
        ) as valid_until
    from {{ ref("value_tier_thresholds") }}
),

measures as (
    select
        rhythm.customer_id,
        rhythm.as_of_date,
        cast(rhythm.days_since_last_booking as double) as recency_days,
        cast(coalesce(occasions.purchase_occasions_24m, 0) as double) as purchase_occasions_24m,
        case
            when rhythm.as_of_date >= starts.prices_start_on then cast(windows.value_24m as double)
        end as value_24m,
        reporting.currency
    from {{ due_rows("int_customer_rhythm") }} as rhythm
    inner join {{ due_rows("int_occasion_windows") }} as occasions
        on rhythm.customer_id = occasions.customer_id and rhythm.as_of_date = occasions.as_of_date
    inner join {{ due_rows("int_booking_windows") }} as windows
        on rhythm.customer_id = windows.customer_id and rhythm.as_of_date = windows.as_of_date
    cross join {{ ref("int_source_starts") }} as starts
    cross join {{ ref("int_reporting_currency") }} as reporting
),

recency as (
    select
        measures.customer_id,
        measures.as_of_date,
        min(thresholds.points) as points
    from measures
    inner join thresholds
        on
            thresholds.measure = 'recency_days'
            and measures.recency_days >= thresholds.min_value
            and measures.as_of_date >= thresholds.valid_from
            and measures.as_of_date < thresholds.valid_until
    group by measures.customer_id, measures.as_of_date
),

frequency as (
    select
        measures.customer_id,
        measures.as_of_date,
        max(thresholds.points) as points
    from measures
    inner join thresholds
        on
            thresholds.measure = 'purchase_occasions_24m'
            and measures.purchase_occasions_24m >= thresholds.min_value
            and measures.as_of_date >= thresholds.valid_from
            and measures.as_of_date < thresholds.valid_until
    group by measures.customer_id, measures.as_of_date
),

monetary as (
    select
        measures.customer_id,
        measures.as_of_date,
        max(thresholds.points) as points
    from measures
    inner join thresholds
        on
            thresholds.measure = 'value_24m'
            and measures.currency = thresholds.currency
            and measures.value_24m >= thresholds.min_value
            and measures.as_of_date >= thresholds.valid_from
            and measures.as_of_date < thresholds.valid_until
    group by measures.customer_id, measures.as_of_date
),

scored as (
    select
        recency.customer_id,
        recency.as_of_date,
        recency.points as recency_points,
        frequency.points as frequency_points,
        monetary.points as monetary_points,
        -- Without money the mean runs over recency and frequency alone.
        cast(recency.points + frequency.points + coalesce(monetary.points, 0) as double)
        / case when monetary.points is null then 2 else 3 end as mean_points
    from recency
    inner join frequency
        on recency.customer_id = frequency.customer_id and recency.as_of_date = frequency.as_of_date
    left join monetary
        on recency.customer_id = monetary.customer_id and recency.as_of_date = monetary.as_of_date
)

select
    scored.customer_id,
    scored.as_of_date,
    scored.recency_points,
    scored.frequency_points,
    scored.monetary_points,
    case max(thresholds.points) when 3 then 'high' when 2 then 'ordinary' else 'low' end as value_tier
from scored
inner join thresholds
    on
        thresholds.measure = 'mean_points'
        and scored.mean_points >= thresholds.min_value
        and scored.as_of_date >= thresholds.valid_from
        and scored.as_of_date < thresholds.valid_until
group by
    scored.customer_id, scored.as_of_date, scored.recency_points, scored.frequency_points, scored.monetary_points
