select
    {{ person_of("consents") }} as customer_id,
    consents.customer_id as account_id,
    consents.purpose,
    consents.status,
    consents.changed_at
from {{ source("raw", "consents") }} as consents
{{ join_person("consents") }}
where {{ is_known("consents.changed_at") }}
