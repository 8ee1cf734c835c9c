{#- The rules of the definitions that more than one model needs. -#}

{#- A count that fell by the clear share and by more than chance (one-sided test of two Poisson counts). -#}
{% macro is_clearly_down(before, after) -%}
    (
        {{ before }} + {{ after }} > 0
        and {{ before }} - {{ after }} >= {{ var("clear_fall_share") }} * {{ before }}
        and ({{ before }} - {{ after }} - 1) / sqrt(greatest({{ before }} + {{ after }}, 1))
        > {{ var("clear_change_z") }}
    )
{%- endmacro %}

{#- The same the other way round. -#}
{% macro is_clearly_up(before, after) -%}
    (
        {{ before }} + {{ after }} > 0
        and {{ after }} - {{ before }} >= {{ var("clear_rise_share") }} * {{ before }}
        and ({{ after }} - {{ before }} - 1) / sqrt(greatest({{ before }} + {{ after }}, 1))
        > {{ var("clear_change_z") }}
    )
{%- endmacro %}

{#- Shrink a customer's median gap towards that of similar customers on the log scale, since gaps are
    skewed: the prior counts as a number of gaps. No own gap gives the prior. Rounded, so that engines whose
    logarithms differ in the last bit agree. -#}
{% macro shrunk_gap_days(gap_count, median_gap_days, prior_gap_days) -%}
    least(
        {{ var("rhythm_max_gap_days") }},
        greatest(
            {{ var("rhythm_min_gap_days") }},
            {{ weighted_geometric_mean(
                gap_count, median_gap_days, var("rhythm_prior_weight_gaps"), prior_gap_days
            ) }}
        )
    )
{%- endmacro %}

{#- exp of the weighted mean of logarithms; a first part of weight 0 may be NULL. -#}
{% macro weighted_geometric_mean(weight, value, other_weight, other_value) -%}
    round(
        exp(
            (coalesce({{ weight }} * ln({{ value }}), 0) + {{ other_weight }} * ln({{ other_value }}))
            / (coalesce({{ weight }}, 0) + {{ other_weight }})
        ),
        4
    )
{%- endmacro %}

{#- Money of `windows` on a date as marts show it: NULL while `starts` knows no price, 0 for who booked nothing.
    NULL stays NULL: bookings without an amount in the reporting currency have an unknown value. -#}
{% macro value_shown(column, as_of_date) -%}
    case
        when {{ as_of_date }} >= starts.prices_start_on
            then cast(case when windows.customer_id is null then 0 else windows.{{ column }} end as double)
    end
{%- endmacro %}

{#- How bad a churn severity is: 0 for none. -#}
{% macro severity_rank(severity) -%}
    case {{ severity }} when 'severe' then 3 when 'moderate' then 2 when 'light' then 1 else 0 end
{%- endmacro %}
