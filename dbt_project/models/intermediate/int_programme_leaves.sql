select distinct
    customer_id,
    cast(occurred_at as date) as left_on
from {{ ref("stg_loyalty_ledger") }}
where entry_type = 'leave'
