with counted as (
    select
        customer_id,
        min(booked_at) as first_booking_at,
        max(booked_at) as last_booking_at
    from {{ ref("int_bookings") }}
    where counts_until > {{ as_of_date() }}
    group by customer_id
)

select
    customers.customer_id,
    customers.registered_at,
    customers.country,
    customers.city,
    customers.language,
    customers.gender,
    customers.birth_year,
    customers.acquisition_channel,
    customers.referred_by,
    counted.first_booking_at,
    counted.last_booking_at,
    coalesce(windows.bookings_lifetime, 0) as bookings,
    {{ value_shown("value_lifetime", "lifecycle.as_of_date") }} as lifetime_value,
    lifecycle.lifecycle_stage,
    lifecycle.activity_status,
    tiers.value_tier,
    needs.need_segment,
    coalesce(windows.is_high_volume, false) as is_high_volume,
    coalesce(profiling.is_granted, true) as may_be_profiled
from {{ ref("int_customer_lifecycle") }} as lifecycle
inner join {{ ref("int_customers") }} as customers on lifecycle.customer_id = customers.customer_id
cross join {{ ref("int_source_starts") }} as starts
left join counted on lifecycle.customer_id = counted.customer_id
left join {{ ref("int_booking_windows") }} as windows
    on lifecycle.customer_id = windows.customer_id and lifecycle.as_of_date = windows.as_of_date
left join {{ ref("int_value_tiers") }} as tiers
    on lifecycle.customer_id = tiers.customer_id and lifecycle.as_of_date = tiers.as_of_date
left join {{ ref("int_need_segments") }} as needs
    on lifecycle.customer_id = needs.customer_id and lifecycle.as_of_date = needs.as_of_date
left join {{ ref("int_consents") }} as profiling
    on lifecycle.customer_id = profiling.customer_id and profiling.purpose = 'profiling'
where lifecycle.as_of_date = {{ as_of_date() }}
