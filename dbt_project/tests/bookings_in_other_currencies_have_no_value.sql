-- Warns: amounts in another currency enter no sum where company.yml gives no exchange rate for their day. A few are
-- a fact of life; the count says how much money the reports do not show.
{{ config(severity="warn") }}

select booking_id
from {{ ref("int_bookings") }}
where net_amount is not null and net_value is null
