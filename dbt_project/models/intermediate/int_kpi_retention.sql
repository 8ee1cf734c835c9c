{{ config(
    materialized="incremental",
    incremental_strategy="replace_months",
    unique_key=["as_of_date", "segment_kind", "segment"]
) }}

-- The median retention period by Kaplan and Meier (1958): time runs in whole months from the first booking,
-- becoming lost ends it, and whoever is not lost by the month end is censored there.
{% set kinds = customer_segment_kinds() %}

with spells as (
    select
        customer_id,
        as_of_date,
        first_booked_on,
        -- A loss before the first booking belongs to bookings that were cancelled since.
        coalesce(first_month_lost_on >= first_booked_on, false) as is_lost,
        case when first_month_lost_on >= first_booked_on then first_month_lost_on else as_of_date end as ends_on
    from {{ ref("int_customer_lifecycle") }}
    where is_month_end and first_booked_on is not null and {{ is_due_month("as_of_date") }}
),

placed as (
    select
        spells.as_of_date,
        spells.is_lost,
        12 * (year(spells.ends_on) - year(spells.first_booked_on))
        + month(spells.ends_on) - month(spells.first_booked_on) as duration_months,
        segments.country,
        segments.acquisition_channel,
        segments.value_tier,
        segments.need_segment,
        segments.service_line,
        segments.cohort
    from spells
    inner join {{ ref("int_customer_segments") }} as segments
        on spells.customer_id = segments.customer_id and spells.as_of_date = segments.as_of_date
),

tallied as (
    select
        as_of_date,
        duration_months,
        {{ segment_columns(kinds) }},
        count(*) as customers,
        count(case when is_lost then 1 end) as losses
    from placed
    group by
        {{ segment_sets(["as_of_date", "duration_months"], kinds) }}
),

exposed as (
    select
        *,
        sum(customers) over (
            partition by as_of_date, segment_kind, segment order by duration_months desc
            rows between unbounded preceding and current row
        ) as at_risk
    from tallied
),

-- The product of the shares that stay, as a sum of logarithms; 0 from the month on in which all who were left go.
survived as (
    select
        *,
        case
            when max(case when losses = at_risk then 1 else 0 end) over so_far = 1 then 0
            else exp(sum(ln(nullif(1 - cast(losses as double) / at_risk, 0))) over so_far)
        end as share_retained
    from exposed
    window
        so_far as (
            partition by as_of_date, segment_kind, segment order by duration_months
            rows between unbounded preceding and current row
        )
)

select
    as_of_date,
    segment_kind,
    segment,
    cast(sum(customers) as bigint) as customers,
    cast(sum(losses) as bigint) as losses,
    -- Rounded, so that a share of one half is one half in every engine.
    min(case when round(share_retained, 9) <= 0.5 then duration_months end) as median_months
from survived
group by as_of_date, segment_kind, segment
