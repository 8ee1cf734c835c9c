{#- The control limit of a signal in standard deviations (vars: signal_limits). -#}
{% macro signal_limit(signal) -%}
    case {{ signal }}
        {%- for name, limit in var("signal_limits").items() %} when '{{ name }}' then {{ limit }}{% endfor %} end
{%- endmacro %}

{#- How far beyond the limit: 1 notice, 2 serious, 3 alarming. -#}
{% macro signal_severity(z_score) -%}
    case
        when {{ z_score }} >= {{ var("signal_alarming_z") }} then 3
        when {{ z_score }} >= {{ var("signal_serious_z") }} then 2
        else 1
    end
{%- endmacro %}
