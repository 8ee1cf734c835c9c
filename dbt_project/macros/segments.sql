{#- Segments of customers: figures for everybody and for each kind of segment come from one scan. -#}

{#- The kinds of segment every customer is in; each is a column of int_customer_segments. -#}
{% macro customer_segment_kinds() -%}
    {{ return(["country", "acquisition_channel", "value_tier", "need_segment", "service_line", "cohort"]) }}
{%- endmacro %}

{#- Of these the ones that change with time, so that a month has an opening and a closing one. -#}
{% macro changing_segment_kinds() -%} {{ return(["value_tier", "need_segment", "service_line", "cohort"]) }} {%- endmacro %}

{#- The select list that names the segment of a row grouped by segment_sets. `kinds` are columns that are never
    NULL before grouping, so that NULL says which of them the row is not grouped by. -#}
{% macro segment_columns(kinds) -%}
    case {% for kind in kinds %}when {{ kind }} is not null then '{{ kind }}' {% endfor %}else 'all' end as segment_kind,
    coalesce({{ kinds | join(", ") }}, 'all') as segment
{%- endmacro %}

{#- Everybody, and each kind of segment by itself, beside the columns in `keys`. Spark has the same words. -#}
{% macro segment_sets(keys, kinds) -%}
    {{ return(adapter.dispatch("segment_sets", "roundtrip")(keys, kinds)) }}
{%- endmacro %}

{% macro default__segment_sets(keys, kinds) -%}
    grouping sets (
        ({{ keys | join(", ") }}){% for kind in kinds %},
        ({{ keys | join(", ") }}, {{ kind }}){% endfor %}
    )
{%- endmacro %}

{#- How a loss is broken down, and the words of each: initiative, value before the loss, cause. -#}
{% macro churn_breakdowns() -%}
    {{ return([
        ("initiative", ["voluntary", "involuntary"]),
        ("tier_before", ["high", "ordinary", "low"]),
        ("cause", ["service_quality", "price", "competition", "need_change", "unknown"]),
    ]) }}
{%- endmacro %}
