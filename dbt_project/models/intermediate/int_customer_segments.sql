{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- The segments each customer was in at every month end, and those they were in when the month began.
with {% if is_increment() -%}
kept as ({{ kept_rows() }}),

{% endif -%}
closing as (
    select
        lifecycle.customer_id,
        lifecycle.as_of_date,
        coalesce(customers.country, 'unknown') as country,
        coalesce(customers.acquisition_channel, 'unknown') as acquisition_channel,
        coalesce(tiers.value_tier, 'unknown') as value_tier,
        coalesce(needs.need_segment, 'unknown') as need_segment,
        coalesce(windows.dominant_service_line, 'unknown') as service_line,
        -- Prospects are grouped by when they came, buyers by when they began to buy.
        cast(year(coalesce(lifecycle.first_booked_on, cast(customers.registered_at as date))) as varchar) as cohort
    from {{ due_rows("int_customer_lifecycle") }} as lifecycle
    inner join {{ ref("int_customers") }} as customers on lifecycle.customer_id = customers.customer_id
    left join {{ due_rows("int_value_tiers") }} as tiers
        on lifecycle.customer_id = tiers.customer_id and lifecycle.as_of_date = tiers.as_of_date
    left join {{ due_rows("int_need_segments") }} as needs
        on lifecycle.customer_id = needs.customer_id and lifecycle.as_of_date = needs.as_of_date
    left join {{ due_rows("int_booking_windows") }} as windows
        on lifecycle.customer_id = windows.customer_id and lifecycle.as_of_date = windows.as_of_date
    where lifecycle.is_month_end
)

select
    closing.customer_id,
    closing.as_of_date,
    {% for kind in customer_segment_kinds() -%}
    closing.{{ kind }},
    {% endfor %}
    {%- for kind in changing_segment_kinds() %}
    coalesce({{ value_before("closing", kind) }}, 'unknown') as opening_{{ kind }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
from closing
{% if is_increment() -%}
left join kept on closing.customer_id = kept.customer_id  -- noqa: ST11
{%- endif %}
