-- Warns: amounts in another currency than the reporting one enter no sum, since no exchange rates are
-- delivered. A few are a fact of life; the count says how much money the reports do not show.
{{ config(severity="warn") }}

select booking_id
from {{ ref("int_bookings") }}
where net_amount is not null and net_value is null
