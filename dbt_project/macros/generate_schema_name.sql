{# Schemas are plainly staging, intermediate and marts: one home is one company, so no prefix is needed. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
