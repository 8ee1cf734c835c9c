-- What one unit of a currency is worth in the reporting currency, and from when until when.
with given as (
    {{ exchange_rate_rows(var("exchange_rates")) }}
)

select
    currency,
    valid_from,
    -- Exclusive.
    lead(valid_from, 1, {{ end_of_time() }}) over (partition by currency order by valid_from) as valid_until,
    rate
from given
