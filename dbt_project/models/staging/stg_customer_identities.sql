select
    account_id,
    customer_id,
    link_probability,
    evidence
from {{ source("raw", "customer_identities") }}
