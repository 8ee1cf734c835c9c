{# A model of exactly one row: cross joined, none would empty every table after it. #}
{% test has_one_row(model) %}
select count(*) as row_count
from {{ model }}
having count(*) <> 1
{% endtest %}
