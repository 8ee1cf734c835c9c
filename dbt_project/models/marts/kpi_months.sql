{{ config(
    materialized="incremental",
    incremental_strategy="replace_months",
    unique_key=["month", "segment_kind", "segment", "indicator"]
) }}

select
    {{ month_start("as_of_date") }} as month,
    segment_kind,
    segment,
    indicator,
    numerator,
    denominator,
    value,
    sample_size
from {{ ref("int_kpi_values") }}
where reason is null and {{ is_due_month("as_of_date") }}
