select
    campaign_id,
    name,
    started_at,
    action,
    unit_cost,
    currency
from {{ source("raw", "campaigns") }}
where {{ is_known("started_at") }}
