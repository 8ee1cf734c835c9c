{#- Aggregates whose names or signatures differ between engines. -#}

{% macro median(expression) -%}
    {{ return(adapter.dispatch("median", "roundtrip")(expression)) }}
{%- endmacro %}

{% macro default__median(expression) -%} median(cast({{ expression }} as double)) {%- endmacro %}

{% macro spark__median(expression) -%} percentile(cast({{ expression }} as double), 0.5) {%- endmacro %}

{#- The value that stands beside the largest `moment`. Ties must be broken inside `moment`. -#}
{% macro value_at_latest(expression, moment) -%}
    {{ return(adapter.dispatch("value_at_latest", "roundtrip")(expression, moment)) }}
{%- endmacro %}

{% macro default__value_at_latest(expression, moment) -%}
    arg_max({{ expression }}, {{ moment }})
{%- endmacro %}

{% macro spark__value_at_latest(expression, moment) -%}
    max_by({{ expression }}, {{ moment }})
{%- endmacro %}

{#- Texts joined with '; ' in their own order. -#}
{% macro text_list(expression) -%}
    {{ return(adapter.dispatch("text_list", "roundtrip")(expression)) }}
{%- endmacro %}

{% macro default__text_list(expression) -%}
    string_agg({{ expression }}, '; ' order by {{ expression }})
{%- endmacro %}

{% macro spark__text_list(expression) -%}
    concat_ws('; ', sort_array(collect_list({{ expression }})))
{%- endmacro %}

{#- Which of some words stand in a column of a group's rows that meet a condition, joined with '; '; NULL if none does.
    One maximum a word, in their order: to sort the texts of every group takes longer than all the rest, and memory
    that cannot be spilled. -#}
{% macro list_of_known(column, words, condition="true") -%}
    nullif(
        concat_ws(
            '; '
            {%- for word in words %},
            max(case when {{ column }} = '{{ word }}' and {{ condition }} then {{ column }} end)
            {%- endfor %}
        ),
        ''
    )
{%- endmacro %}

{% macro service_line_list(condition) -%}
    {{ list_of_known("service_line", service_lines(), condition) }}
{%- endmacro %}

{#- What a consent of the source contract may be about, in the order of the alphabet. -#}
{% macro consent_purposes() -%}
    {{ return(["analytics", "email", "phone", "profiling", "push", "sms", "wechat"]) }}
{%- endmacro %}

{#- The service lines of the source contract, in the order of the alphabet. -#}
{% macro service_lines() -%}
    {{ return(["activity", "car", "cruise", "flight", "hotel", "insurance", "package", "rail"]) }}
{%- endmacro %}

{#- The place of a service line in that order, from 1. -#}
{% macro service_line_place(service_line) -%}
    case {{ service_line }}
        {%- for line in service_lines() %} when '{{ line }}' then {{ loop.index }}{% endfor %} end
{%- endmacro %}
