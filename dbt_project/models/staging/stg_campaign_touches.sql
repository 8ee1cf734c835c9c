select
    touch_id,
    campaign_id,
    customer_id,
    assigned_at,
    arm,
    channel,
    {{ if_known("sent_at") }} as sent_at,
    {{ if_known("opened_at") }} as opened_at,
    {{ if_known("clicked_at") }} as clicked_at
from {{ source("raw", "campaign_touches") }}
where {{ is_known("assigned_at") }}
