{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- The need segment by rules that are fixed and dated (seeds/need_segment_rules.csv), so that nobody's segment moves
-- because others changed. Everybody who has booked is in exactly one: the first that fits, else basic.
with rules as (
    select
        cast(segment as varchar) as segment,
        cast(measure as varchar) as measure,
        cast(min_value as double) as min_value,
        cast(max_value as double) as max_value,
        cast(valid_from as date) as valid_from,
        lead(cast(valid_from as date), 1, {{ end_of_time() }}) over (
            partition by segment, measure order by valid_from
        ) as valid_until
    from {{ ref("need_segment_rules") }}
),

-- One row a date, so that each customer is compared with it once.
bounds as (
    select
        {% for segment in need_segments() -%}
        count(
            case when rules.segment = '{{ segment }}' then coalesce(rules.min_value, rules.max_value) end
        ) as {{ segment }}_conditions,
        {% for measure in need_measures() -%}
        {% for end in ["min", "max"] -%}
        max(
            case when rules.segment = '{{ segment }}' and rules.measure = '{{ measure }}' then rules.{{ end }}_value end
        ) as {{ segment }}_{{ measure }}_{{ end }},
        {% endfor -%}
        {% endfor -%}
        {% endfor -%}
        dates.as_of_date
    from {{ ref("int_dates") }} as dates
    left join rules
        on dates.as_of_date >= rules.valid_from and dates.as_of_date < rules.valid_until
    group by dates.as_of_date
),

measures as (
    select
        rhythm.customer_id,
        rhythm.as_of_date,
        rhythm.typical_gap_days,
        tiers.monetary_points,
        coalesce(occasions.purchase_occasions_24m, 0) as purchase_occasions_24m,
        coalesce(occasions.purchase_occasions_12m, 0) - coalesce(occasions.purchase_occasions_prior_12m, 0)
            as purchase_occasions_change_12m,
        cast(windows.discount_value_12m as double) / nullif(cast(windows.gross_value_12m as double), 0)
            as discount_share_12m,
        coalesce(windows.service_lines_12m, 0) as service_lines_12m,
        {{ days_between("rhythm.first_booked_on", "rhythm.as_of_date") }} as days_since_first_booking,
        windows.average_lead_days
    from {{ due_rows("int_customer_rhythm") }} as rhythm
    left join {{ due_rows("int_occasion_windows") }} as occasions
        on rhythm.customer_id = occasions.customer_id and rhythm.as_of_date = occasions.as_of_date
    left join {{ due_rows("int_booking_windows") }} as windows
        on rhythm.customer_id = windows.customer_id and rhythm.as_of_date = windows.as_of_date
    left join {{ due_rows("int_value_tiers") }} as tiers
        on rhythm.customer_id = tiers.customer_id and rhythm.as_of_date = tiers.as_of_date
)

select
    measures.customer_id,
    measures.as_of_date,
    case
        {% for segment in need_segments() -%}
        when
            {{ fits_need(segment) }}
            then '{{ segment }}'
        {% endfor -%}
        else 'basic'
    end as need_segment
from measures
inner join bounds on measures.as_of_date = bounds.as_of_date
