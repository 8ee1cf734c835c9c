select
    event_id,
    customer_id,
    occurred_at,
    event_type,
    channel,
    service_line,
    destination
from {{ source("raw", "web_events") }}
where {{ is_known("occurred_at") }}
