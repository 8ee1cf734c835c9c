{# The grain: no two rows share these columns. #}
{% test key_is_unique(model, columns) %}
select {{ columns | join(", ") }}
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}
