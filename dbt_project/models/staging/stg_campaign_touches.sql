select
    touches.touch_id,
    touches.campaign_id,
    {{ person_of("touches") }} as customer_id,
    touches.assigned_at,
    touches.arm,
    touches.channel,
    {{ if_known("touches.sent_at") }} as sent_at,
    {{ if_known("touches.opened_at") }} as opened_at,
    {{ if_known("touches.clicked_at") }} as clicked_at
from {{ source("raw", "campaign_touches") }} as touches
{{ join_person("touches") }}
where {{ is_known("touches.assigned_at") }}
