-- A month's indices are known when the month has ended.
select
    month,
    region,
    demand_index,
    own_price_index,
    competitor_price_index
from {{ source("raw", "market") }}
where {{ is_known(month_end("month")) }}
