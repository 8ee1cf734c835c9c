{{ config(
    materialized="incremental",
    incremental_strategy="replace_months",
    unique_key=["as_of_date", "segment_kind", "segment", "indicator"]
) }}

-- Every indicator of every month and segment: its value, or the reason why there is none.
{% set indicators = kpi_indicators() %}

with cells as (
    select
        as_of_date,
        segment_kind,
        segment
    from {{ ref("int_kpi_closing") }}
    where {{ is_due_month("as_of_date") }}
    union
    select
        as_of_date,
        segment_kind,
        segment
    from {{ ref("int_kpi_opening") }}
    where {{ is_due_month("as_of_date") }}
),

-- A channel is a segment of messages, not of customers.
campaign_cells as (
    select
        as_of_date,
        segment_kind,
        segment
    from cells
    union
    select
        as_of_date,
        segment_kind,
        segment
    from {{ ref("int_kpi_campaigns") }}
    where {{ is_due_month("as_of_date") }}
),

measured as (
    {% for relation, told in indicators.items() -%}
    {% set outer_loop = loop -%}
    {% for name, numerator, denominator, sample_size, factor, source, otherwise in told -%}
    select
        cells.as_of_date,
        cells.segment_kind,
        cells.segment,
        '{{ name }}' as indicator,
        cast({{ numerator }} as double) as numerator,
        cast(
            {{ "case when figures.as_of_date is not null then 1 end" if denominator == "1" else denominator }} as double
        ) as denominator,
        {{ factor }} as factor,
        cast({{ sample_size }} as bigint) as sample_size,
        {% if source -%}
        case
            when starts.{{ source }}_start_on is null or cells.as_of_date < starts.{{ source }}_start_on
                then 'no_{{ source }}'
        end as source_missing,
        {% else -%}
        cast(null as varchar) as source_missing,
        {% endif -%}
        '{{ otherwise }}' as otherwise
    from {{ "campaign_cells" if relation == "campaigns" else "cells" }} as cells
    {% if source -%}
    cross join {{ ref("int_source_starts") }} as starts
    {% endif -%}
    left join {{ ref("int_kpi_" ~ relation) }} as figures
        on
            cells.as_of_date = figures.as_of_date
            and cells.segment_kind = figures.segment_kind
            and cells.segment = figures.segment
    {%- if not (loop.last and outer_loop.last) %}
    union all
    {% endif %}
    {%- endfor %}
    {%- endfor %}
),

judged as (
    select
        *,
        case
            when source_missing is not null then source_missing
            when coalesce(denominator, 0) = 0 then 'no_cases'
            when numerator is null then otherwise
        end as reason
    from measured
)

select
    as_of_date,
    segment_kind,
    segment,
    indicator,
    numerator,
    denominator,
    case when reason is null then factor * numerator / denominator end as value,
    sample_size,
    reason
from judged
