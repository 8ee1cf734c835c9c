select
    lifecycle.customer_id,
    lifecycle.as_of_date,
    lifecycle.lifecycle_stage,
    lifecycle.activity_status,
    journey.journey_stage,
    lifecycle.typical_gap_days,
    lifecycle.overdue_ratio,
    cast(lifecycle.days_since_last_booking as integer) as days_since_last_booking,
    lifecycle.purchase_occasions_lifetime as purchase_occasions,
    coalesce(windows.bookings_12m, 0) as bookings_12m,
    {{ value_shown("value_12m", "lifecycle.as_of_date") }} as value_12m,
    coalesce(windows.service_lines_12m, 0) as service_lines_12m,
    tiers.value_tier,
    cast(null as varchar) as need_segment,
    lifecycle.churn_severity,
    reasons.churn_initiative,
    reasons.churn_cause,
    reasons.cause_confidence as churn_cause_confidence,
    lifecycle.is_reactivated,
    cast(null as double) as probability_alive
from {{ ref("int_customer_lifecycle") }} as lifecycle
cross join {{ ref("int_source_starts") }} as starts
left join {{ ref("int_journey_stages") }} as journey
    on lifecycle.customer_id = journey.customer_id and lifecycle.as_of_date = journey.as_of_date
left join {{ ref("int_booking_windows") }} as windows
    on lifecycle.customer_id = windows.customer_id and lifecycle.as_of_date = windows.as_of_date
left join {{ ref("int_value_tiers") }} as tiers
    on lifecycle.customer_id = tiers.customer_id and lifecycle.as_of_date = tiers.as_of_date
left join {{ ref("int_churn_reasons") }} as reasons
    on lifecycle.customer_id = reasons.customer_id and lifecycle.as_of_date = reasons.as_of_date
where lifecycle.is_month_end
