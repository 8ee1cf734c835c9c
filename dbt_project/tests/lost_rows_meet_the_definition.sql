-- Fails: whoever is called lost must be lost by the numbers that stand beside it in the same row.
select
    customer_id,
    as_of_date,
    overdue_ratio,
    days_since_last_booking
from {{ ref("int_customer_lifecycle") }}
where
    lifecycle_stage = 'lost'
    and days_since_last_booking < {{ var("lost_max_days") }}
    and not (overdue_ratio > {{ var("lost_overdue_ratio") }} and days_since_last_booking >= {{ var("lost_min_days") }})
