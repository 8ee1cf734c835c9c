{# A condition that every row meets; unknown (NULL) counts as not met. #}
{% test holds(model, condition) %}
select *
from {{ model }}
where ({{ condition }}) is not true
{% endtest %}
