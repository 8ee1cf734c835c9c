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
where reason is null
