select
    events.event_id,
    {{ person_of("events") }} as customer_id,
    events.occurred_at,
    events.event_type,
    events.channel,
    events.service_line,
    events.destination
from {{ source("raw", "web_events") }} as events
{{ join_person("events") }}
where {{ is_known("events.occurred_at") }}
