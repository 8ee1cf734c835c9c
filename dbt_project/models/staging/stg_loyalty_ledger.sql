select
    ledger.entry_id,
    {{ person_of("ledger") }} as customer_id,
    ledger.occurred_at,
    ledger.entry_type,
    ledger.tier,
    -- Some systems write spent points as positive numbers, some as negative ones; here spending is negative.
    cast(
        case
            when ledger.entry_type in ('redeem', 'expire') then -abs(ledger.points)
            when ledger.entry_type = 'earn' then abs(ledger.points)
            else ledger.points
        end as decimal(18, 2)
    ) as points
from {{ source("raw", "loyalty_ledger") }} as ledger
{{ join_person("ledger") }}
where {{ is_known("ledger.occurred_at") }}
