-- Whose signals are watched on each date: who is lost or never booked has nothing left to warn of, and an account that
-- many people book with has no past of its own.
select
    lifecycle.customer_id,
    lifecycle.as_of_date,
    lifecycle.days_since_last_booking,
    lifecycle.typical_gap_days,
    lifecycle.overdue_ratio
from {{ ref("int_customer_lifecycle") }} as lifecycle
inner join {{ ref("int_booking_windows") }} as bookings
    on lifecycle.customer_id = bookings.customer_id and lifecycle.as_of_date = bookings.as_of_date
where
    lifecycle.lifecycle_stage not in ('prospect', 'lost')
    and not bookings.is_high_volume
    and {{ is_due_signal_date("lifecycle.as_of_date") }}
