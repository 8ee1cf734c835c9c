{#- One person, one customer id: staging names every row by the person's first account. -#}

{% macro person_of(relation) -%} coalesce(identities.customer_id, {{ relation }}.customer_id) {%- endmacro %}

{% macro join_person(relation) -%}
    left join {{ ref("stg_customer_identities") }} as identities on {{ relation }}.customer_id = identities.account_id
{%- endmacro %}
