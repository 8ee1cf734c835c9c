{#- A date that differs from build to build: of --vars, or of the environment. roundtrip.build gives it in the latter,
    since dbt reads the whole project anew when a variable has changed, and likewise what names an environment variable
    that has; but only if it was asked for while dbt read the project, so here it is asked for later (`execute`). -#}
{% macro date_of_build(name) -%}
    {{ var(name, "") or (env_var("ROUNDTRIP_" ~ name | upper, "") if execute else "") }}
{%- endmacro %}

{# The date a build is for, as a SQL date. Missing, the build stops: a model never reads the clock. #}
{% macro as_of_date() -%}
    {%- set chosen = date_of_build("as_of_date") -%}
    {%- if execute and not chosen -%}
        {{ exceptions.raise_compiler_error("give the date: --vars '{as_of_date: 2024-12-31}'") }}
    {%- endif -%}
    cast('{{ chosen or "1970-01-31" }}' as date)
{%- endmacro %}

{# True where a moment lies on or before the date of the build; NULL moments are unknown, so not true. #}
{% macro is_known(moment) -%}
    cast({{ moment }} as date) <= {{ as_of_date() }}
{%- endmacro %}

{# A moment that had not come yet on the date of the build reads as NULL. #}
{% macro if_known(moment) -%}
    case when {{ is_known(moment) }} then {{ moment }} end
{%- endmacro %}

{# The end of a range that is still open. #}
{% macro end_of_time() -%} cast('9999-12-31' as date) {%- endmacro %}
