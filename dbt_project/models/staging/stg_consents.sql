select
    customer_id,
    purpose,
    status,
    changed_at
from {{ source("raw", "consents") }}
where {{ is_known("changed_at") }}
