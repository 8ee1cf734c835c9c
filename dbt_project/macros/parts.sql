{#- What is kept of every customer and date is made in parts of customers where there are many of them: a join of a
    dozen such tables fits into memory for a part, and for all would go to disk. A model made so names the part in
    its SQL (part_rows, due_rows, is_in_part) and no customer's row may hang on another customer's. roundtrip.build
    says how many parts there are (docs/decisions/large-companies.md). -#}

{#- What a model holds for the customers of the part. From one table that is read so DuckDB takes the condition over to
    most that are joined with it by customer_id; where it does not, a large one has to be read so, too. -#}
{% macro part_rows(model) -%}
    {%- if not execute -%} {%- do ref("int_customer_parts") -%} {%- endif -%}
    {%- if execute and env_var("ROUNDTRIP_PARTS", "1") | int > 1 -%}
        (
            select *
            from {{ ref(model) }}
            where {{ is_in_part() }}
        )
    {%- else -%} {{ ref(model) }} {%- endif -%}
{%- endmacro %}

{#- Rows of customers of the part. -#}
{% macro is_in_part(customer_id="customer_id") -%}
    {%- if not execute -%} {%- do ref("int_customer_parts") -%} {%- endif -%}
    {%- if execute and env_var("ROUNDTRIP_PARTS", "1") | int > 1 -%}
        {#- Constants to DuckDB, which then skips the row groups of other parts. -#}
        {{ customer_id }} >= getvariable('first_customer_id') and {{ customer_id }} <= getvariable('last_customer_id')
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- Makes a table once where its SQL names no part, else part by part, in one transaction. -#}
{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language="sql", partitioned_by=none, sorted_by=none
) -%}
    {%- set create = dbt.duckdb__create_table_as(
        temporary, relation, compiled_code, language, partitioned_by, sorted_by
    ) -%}
    {%- if "getvariable('first_customer_id')" not in compiled_code -%}
        {{ create }}
    {%- else -%}
        {%- set has_contract = config.get("contract").enforced and not temporary -%}
        {%- set name = relation.include(database=(not temporary), schema=(not temporary)) -%}
        {%- for part in range(1, (env_var("ROUNDTRIP_PARTS", "1") | int) + 1) -%}
            {% for end in ["first_customer_id", "last_customer_id"] -%}
                set variable {{ end }} = (
                    select {{ end }} from {{ target.database }}.intermediate.int_customer_parts where part = {{ part }}
                );
            {% endfor -%}
            {%- if loop.first -%} {{ create }}
            {%- elif has_contract -%}
                insert into {{ name }} {{ get_column_names() }} ({{ get_select_subquery(compiled_code) }});
            {%- else -%}
                {#- On lines of its own, since the SQL may end in a comment. #}
                insert into {{ name }} (
                    {{ compiled_code }}
                );
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
