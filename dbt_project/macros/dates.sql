{#- Date arithmetic, dispatched: the only place where engines may differ. -#}

{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch("days_between", "roundtrip")(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    datediff({{ later }}, {{ earlier }})
{%- endmacro %}

{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch("seconds_between", "roundtrip")(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    date_diff('second', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__seconds_between(earlier, later) -%}
    (unix_timestamp({{ later }}) - unix_timestamp({{ earlier }}))
{%- endmacro %}

{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch("add_days", "roundtrip")(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    (cast({{ day }} as date) + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, cast({{ days }} as int))
{%- endmacro %}

{% macro add_months(day, months) -%}
    {{ return(adapter.dispatch("add_months", "roundtrip")(day, months)) }}
{%- endmacro %}

{% macro default__add_months(day, months) -%}
    cast(cast({{ day }} as date) + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{% macro spark__add_months(day, months) -%}
    add_months({{ day }}, cast({{ months }} as int))
{%- endmacro %}

{% macro month_end(day) -%} cast(last_day(cast({{ day }} as date)) as date) {%- endmacro %}

{% macro month_start(day) -%} cast(date_trunc('month', {{ day }}) as date) {%- endmacro %}

{#- The day that many months before; a month end goes to a month end, so that windows tile (29 Feb belongs
    to exactly one year). -#}
{% macro months_before(day, months) -%}
    case
        when {{ day }} = {{ month_end(day) }} then {{ month_end(add_months(day, -months)) }}
        else {{ add_months(day, -months) }}
    end
{%- endmacro %}

{#- One row per month end from the month of `first_day` up to `last_day`; both are SQL dates. -#}
{% macro month_ends(first_day, last_day) -%}
    {{ return(adapter.dispatch("month_ends", "roundtrip")(first_day, last_day)) }}
{%- endmacro %}

{% macro default__month_ends(first_day, last_day) -%}
    unnest(generate_series(date_trunc('month', {{ first_day }}), {{ last_day }}, interval 1 month))
{%- endmacro %}

{% macro spark__month_ends(first_day, last_day) -%}
    explode(sequence(date_trunc('month', {{ first_day }}), {{ last_day }}, interval 1 month))
{%- endmacro %}

{#- One row per day from `first_day` up to `last_day`; both are SQL dates. -#}
{% macro days_from_to(first_day, last_day) -%}
    {{ return(adapter.dispatch("days_from_to", "roundtrip")(first_day, last_day)) }}
{%- endmacro %}

{% macro default__days_from_to(first_day, last_day) -%}
    unnest(generate_series(cast({{ first_day }} as timestamp), {{ last_day }}, interval 1 day))
{%- endmacro %}

{% macro spark__days_from_to(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day))
{%- endmacro %}
