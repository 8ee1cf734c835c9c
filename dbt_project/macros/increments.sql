{#- A build either makes every row anew, or, where the last complete build is known, only the rows that can have
    changed since (docs/decisions/increments.md): all rows of changed customers, and of everybody those from a date on.
    roundtrip.build decides which, and says it with the date previous_as_of_date. Each condition below is true of
    every row of a full build. While dbt reads the project (not execute) it may be either: an increment refers to more. -#}

{% macro is_increment() -%}
    {{ return(not execute or (date_of_build("previous_as_of_date") != "" and not flags.FULL_REFRESH)) }}
{%- endmacro %}

{#- The first day that an increment makes anew for everybody at the least: after the last date that stays, which is a
    month end, since the date of a build that is none is left behind with it. -#}
{% macro increment_starts_on() -%}
    {{ month_start(add_days("'" ~ date_of_build("previous_as_of_date") ~ "'", 1)) }}
{%- endmacro %}

{#- The same day of the next increment. -#}
{% macro next_month_starts_on() -%} {{ month_start(add_days(as_of_date(), 1)) }} {%- endmacro %}

{#- Rows of changed customers. -#}
{% macro is_of_changed_customer(customer_id="customer_id") -%}
    {%- if is_increment() -%} {{ customer_id }} in (select customer_id from {{ ref("int_changed_customers") }})
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- Rows of customers of whom a booking has changed. -#}
{% macro has_changed_bookings(customer_id="customer_id") -%}
    {%- if is_increment() -%}
        {{ customer_id }} in (select customer_id from {{ ref("int_changed_customers") }} where has_changed_bookings)
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- Rows of customers whose past has changed. -#}
{% macro has_changed_past(customer_id="customer_id") -%}
    {%- if is_increment() -%}
        {{ customer_id }} in (select customer_id from {{ ref("int_changed_customers") }} where has_changed_past)
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- What happened on a day and is never moved by anything later, such as a visit: of changed customers, the days since
    their past ends. -#}
{% macro is_changed_day(day) -%}
    {%- if is_increment() -%}
        ({{ has_changed_past() }} or ({{ is_of_changed_customer() }} and {{ day }} >= {{ increment_starts_on() }}))
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- Rows of a customer and a date: those of int_customer_dates. -#}
{% macro is_due(relation) -%}
    {%- if is_increment() -%}
        ({{ is_due_date(relation ~ ".as_of_date") }} or {{ has_changed_past(relation ~ ".customer_id") }})
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- What a model holds for the customer dates that are due. For models that join many tables by customer and date: a
    table that is not narrowed is put into memory whole, and a dozen of them do not fit there. -#}
{% macro due_rows(model) -%}
    {#- Asked in this order, since for SQLFluff a macro ends where one that it calls returns. -#}
    {%- if execute and (flags.FULL_REFRESH or not is_increment()) -%} {{ part_rows(model) }}
    {%- else -%}
        (
            select wanted.*
            from {{ ref(model) }} as wanted
            where {{ is_due("wanted") }} and {{ is_in_part("wanted.customer_id") }}
        )
    {%- endif -%}
{%- endmacro %}

{#- Rows of a date that are made from many customers. -#}
{% macro is_due_date(day) -%}
    {%- if is_increment() -%} {{ day }} >= (select dates_from from {{ ref("int_build_scope") }})
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- Indicators, which sum over changed customers as well. -#}
{% macro is_due_month(day) -%}
    {%- if is_increment() -%} {{ day }} >= (select months_from from {{ ref("int_build_scope") }})
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- Signals of a date, which compare each customer with all others of that date. -#}
{% macro is_due_signal_date(day) -%}
    {%- if is_increment() -%} {{ day }} >= (select signals_from from {{ ref("int_build_scope") }})
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- What a model holds for the months whose indicators are due, for models that join several tables by it. -#}
{% macro due_month_rows(model) -%}
    {%- if execute and (flags.FULL_REFRESH or not is_increment()) -%} {{ ref(model) }}
    {%- else -%} (select * from {{ ref(model) }} where {{ is_due_month("as_of_date") }})
    {%- endif -%}
{%- endmacro %}

{#- Labels whose outcome has become known since the last build. -#}
{% macro has_ripened() -%}
    {%- if is_increment() -%}
        {%- set since = "cast('" ~ date_of_build("previous_as_of_date") ~ "' as date)" -%}
        {%- set ends = ["horizon_ends_on", add_days("as_of_date", var("programme_leave_days"))] -%}
        ({% for end in ends -%}
        ({{ end }} > {{ since }} and {{ end }} <= {{ as_of_date() }}){{ " or " if not loop.last }}
        {%- endfor %})
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- What is kept of customers with an unchanged past at the last date before those that are made anew: where memory goes on. -#}
{% macro kept_rows() -%}
    select *
    from {{ this }}
    where
        as_of_date = (select {{ add_days("dates_from", -1) }} from {{ ref("int_build_scope") }})
        and not {{ has_changed_past() }}
{%- endmacro %}

{#- The value of `column` at the customer's date before; on an increment the first one's is kept.<column>. -#}
{% macro value_before(relation, column) -%}
    {%- set before -%}
        over (partition by {{ relation }}.customer_id order by {{ relation }}.as_of_date)
    {%- endset -%}
    {%- if is_increment() -%}
        case
            when lag({{ relation }}.as_of_date) {{ before }} is null then kept.{{ column }}
            else lag({{ relation }}.{{ column }}) {{ before }}
        end
    {%- else -%} lag({{ relation }}.{{ column }}) {{ before }} {%- endif -%}
{%- endmacro %}

{#- The strategies: take out what is due, put in what was made. Names of tables instead of ref(), which only knows what
    a model itself reads; the models all come after these two. -#}
{% macro get_incremental_replace_customers_sql(arg_dict) -%}
    {{ return(replace_rows(arg_dict, is_changed_row())) }}
{%- endmacro %}

{% macro get_incremental_replace_changed_bookings_sql(arg_dict) -%}
    {{ return(replace_rows(arg_dict, is_changed_row("has_changed_bookings"))) }}
{%- endmacro %}

{% macro get_incremental_replace_changed_days_sql(arg_dict) -%}
    {%- set is_since = arg_dict["unique_key"][1] ~ " >= " ~ increment_starts_on() -%}
    {{ return(replace_rows(
        arg_dict, is_changed_row("has_changed_past") ~ " or (" ~ is_since ~ " and " ~ is_changed_row() ~ ")"
    )) }}
{%- endmacro %}

{% macro get_incremental_replace_customer_dates_sql(arg_dict) -%}
    {%- set day = arg_dict["unique_key"][1] -%}
    {{ return(replace_rows(arg_dict, is_row_from(day, "dates_from") ~ " or " ~ is_changed_row("has_changed_past"))) }}
{%- endmacro %}

{% macro get_incremental_replace_labels_sql(arg_dict) -%}
    {%- set day = arg_dict["unique_key"][1] -%}
    {%- set is_due = is_row_from(day, "dates_from") ~ " or " ~ is_changed_row() ~ " or " ~ has_ripened() -%}
    {{ return(replace_rows(arg_dict, is_due)) }}
{%- endmacro %}

{% macro get_incremental_replace_dates_sql(arg_dict) -%}
    {{ return(replace_rows(arg_dict, is_row_from(arg_dict["unique_key"][0], "dates_from"))) }}
{%- endmacro %}

{% macro get_incremental_replace_signal_dates_sql(arg_dict) -%}
    {{ return(replace_rows(arg_dict, is_row_from(arg_dict["unique_key"][1], "signals_from"))) }}
{%- endmacro %}

{% macro get_incremental_replace_months_sql(arg_dict) -%}
    {{ return(replace_rows(arg_dict, is_row_from(arg_dict["unique_key"][0], "months_from"))) }}
{%- endmacro %}

{% macro is_changed_row(condition="true") -%}
    customer_id in (
        select customer_id from {{ target.database }}.intermediate.int_changed_customers where {{ condition }}
    )
{%- endmacro %}

{% macro is_row_from(day, start) -%}
    {{ day }} >= (select {{ start }} from {{ target.database }}.intermediate.int_build_scope)
{%- endmacro %}

{#- Of a table with deleted rows DuckDB keeps 8 bytes a row in memory, which it cannot spill, as long as the file is
    open. Where that is too much (roundtrip.build says so) what is kept is written anew with what was made. -#}
{% macro replace_rows(arg_dict, is_replaced) -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    {%- set target, made = arg_dict["target_relation"], arg_dict["temp_relation"] -%}
    {%- if execute and env_var("ROUNDTRIP_REWRITES_TABLES", "") -%}
        create or replace table {{ target }} as
        select {{ columns }} from {{ target }}
        where ({{ is_replaced }}) is not true
        union all
        select {{ columns }} from {{ made }}
    {%- else -%}
        delete from {{ target }}
        where {{ is_replaced }};
        insert into {{ target }} ({{ columns }})
        select {{ columns }} from {{ made }}
    {%- endif -%}
{%- endmacro %}

{#- Before anything of a build is touched: what is there is no longer what a complete build left. -#}
{% macro begin_build() -%}
    {%- if execute and flags.WHICH in ("build", "run", "seed") and target.type == "duckdb" -%}
        drop table if exists {{ target.database }}.build.last_build
    {%- endif -%}
{%- endmacro %}

{#- A number that changes when any of the values does; sums of it do not depend on the order of rows. -#}
{% macro fingerprint(columns) -%}
    {{ return(adapter.dispatch("fingerprint", "roundtrip")(columns)) }}
{%- endmacro %}

{% macro default__fingerprint(columns) -%} hash({{ columns | join(", ") }}) {%- endmacro %}

{% macro spark__fingerprint(columns) -%} cast(xxhash64({{ columns | join(", ") }}) as decimal(38, 0)) {%- endmacro %}
