{#- Need segments: which there are, in the order in which the first that fits counts, and what a rule of the seed
    need_segment_rules may ask for. -#}

{% macro need_segments() -%}
    {{ return(["high_value", "price_sensitive", "potential_growth", "loyal", "emerging_market"]) }}
{%- endmacro %}

{#- Each is a column of the CTE `measures` in int_need_segments. -#}
{% macro need_measures() -%}
    {{ return([
        "monetary_points", "purchase_occasions_24m", "purchase_occasions_change_12m", "discount_share_12m",
        "service_lines_12m", "days_since_first_booking", "average_lead_days", "typical_gap_days"
    ]) }}
{%- endmacro %}

{#- Whether a row of `measures` meets every condition of a segment in the row of `bounds` for its date. A measure that
    is unknown meets no bound, and a segment without any condition has nobody. -#}
{% macro fits_need(segment) -%}
    bounds.{{ segment }}_conditions > 0
    {%- for measure in need_measures() %}
    and (bounds.{{ segment }}_{{ measure }}_min is null or measures.{{ measure }} >= bounds.{{ segment }}_{{ measure }}_min)
    and (bounds.{{ segment }}_{{ measure }}_max is null or measures.{{ measure }} <= bounds.{{ segment }}_{{ measure }}_max)
    {%- endfor %}
{%- endmacro %}
