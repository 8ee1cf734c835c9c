{{ config(
    materialized="incremental",
    incremental_strategy="replace_signal_dates",
    unique_key=["customer_id", "as_of_date", "signal"]
) }}

with charts as (
    {% for relation in ["int_signal_count_charts", "int_signal_gap_charts", "int_signal_rating_charts"] -%}
    select
        customer_id,
        as_of_date,
        signal,
        unit,
        window_days,
        observed,
        usual,
        control_limit,
        z_score
    from {{ ref(relation) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select
    customer_id,
    as_of_date,
    signal,
    {{ signal_severity("z_score") }} as severity,
    z_score,
    observed,
    usual,
    control_limit,
    unit,
    cast(window_days as integer) as window_days
from charts
where z_score > {{ signal_limit("signal") }}
union all
select
    customer_id,
    as_of_date,
    signal,
    severity,
    cast(null as double) as z_score,
    observed,
    cast(null as double) as usual,
    cast(null as double) as control_limit,
    unit,
    cast(window_days as integer) as window_days
from {{ ref("int_signal_events") }}
