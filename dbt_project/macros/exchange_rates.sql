{#- The company's exchange rates as rows; none given, no row. -#}
{% macro exchange_rate_rows(rates) -%}
    {% if rates -%}
        select
            cast(currency as varchar) as currency,
            cast(valid_from as date) as valid_from,
            cast(rate as decimal(18, 8)) as rate
        from (
            values
            {% for rate in rates -%}
            ('{{ rate["currency"] }}', '{{ rate["valid_from"] }}', '{{ rate["rate"] }}'){% if not loop.last %},{% endif %}
            {% endfor %}
        ) as rates (currency, valid_from, rate)
    {%- else -%}
        select
            cast(null as varchar) as currency,
            cast(null as date) as valid_from,
            cast(null as decimal(18, 8)) as rate
        where false
    {%- endif %}
{%- endmacro %}
