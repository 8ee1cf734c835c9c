select
    entry_id,
    customer_id,
    occurred_at,
    entry_type,
    tier,
    -- Some systems write spent points as positive numbers, some as negative ones; here spending is negative.
    cast(
        case
            when entry_type in ('redeem', 'expire') then -abs(points)
            when entry_type = 'earn' then abs(points)
            else points
        end as decimal(18, 2)
    ) as points
from {{ source("raw", "loyalty_ledger") }}
where {{ is_known("occurred_at") }}
