with first_bookings as (
    select
        customer_id,
        min(booked_at) as first_booked_at
    from {{ source("raw", "bookings") }}
    group by customer_id
),

known as (
    select
        customers.customer_id,
        least(customers.registered_at, coalesce(first_bookings.first_booked_at, customers.registered_at))
            as registered_at,
        customers.birth_year,
        customers.gender,
        customers.country,
        customers.city,
        customers.language,
        customers.acquisition_channel,
        customers.referred_by
    from {{ source("raw", "customers") }} as customers
    left join first_bookings on customers.customer_id = first_bookings.customer_id
)

select *
from known
where {{ is_known("registered_at") }}
