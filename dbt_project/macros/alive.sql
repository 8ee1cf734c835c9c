{#- The chance that a customer has not left for ever, by the MBG/NBD (docs/decisions/probability-alive.md).
    `parameters` is the alias of a row with r, alpha_weeks, a and b; times are days. NULL without parameters.
    Rounded, so that engines whose powers differ in the last bit agree. -#}
{% macro probability_alive(parameters, repeat_occasions, recency_days, age_days) -%}
    round(
        1 / (
            1 + {{ parameters }}.a / ({{ parameters }}.b + {{ repeat_occasions }})
            * power(
                ({{ parameters }}.alpha_weeks + {{ age_days }} / 7e0)
                / ({{ parameters }}.alpha_weeks + {{ recency_days }} / 7e0),
                {{ parameters }}.r + {{ repeat_occasions }}
            )
        ),
        6
    )
{%- endmacro %}
