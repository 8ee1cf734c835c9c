-- One row. The most booked currency is taken at the date of the build; a company that books in several
-- should set reporting_currency, so that the choice can never change.
with most_booked as (
    select currency
    from {{ ref("stg_bookings") }}
    where gross_amount is not null and currency is not null
    group by currency
    order by count(*) desc, currency asc
    limit 1
)

select coalesce(nullif('{{ var("reporting_currency") }}', ''), max(currency)) as currency
from most_booked
