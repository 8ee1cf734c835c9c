with first_bookings as (
    select
        customer_id,
        min(booked_at) as first_booked_at
    from {{ source("raw", "bookings") }}
    group by customer_id
),

accounts as (
    select
        {{ person_of("customers") }} as customer_id,
        customers.customer_id as account_id,
        least(customers.registered_at, coalesce(first_bookings.first_booked_at, customers.registered_at))
            as registered_at,
        coalesce(customers.updated_at, customers.registered_at) as told_at,
        customers.birth_year,
        customers.gender,
        customers.country,
        customers.city,
        customers.language,
        customers.acquisition_channel,
        coalesce(referrers.customer_id, customers.referred_by) as referred_by
    from {{ source("raw", "customers") }} as customers
    {{ join_person("customers") }}
    left join {{ ref("stg_customer_identities") }} as referrers on customers.referred_by = referrers.account_id
    left join first_bookings on customers.customer_id = first_bookings.customer_id
),

known as (
    select
        *,
        row_number() over (partition by customer_id order by told_at desc, account_id asc) as newest,
        row_number() over (partition by customer_id order by registered_at, account_id) as oldest
    from accounts
    where {{ is_known("registered_at") }}
)

-- Of several accounts the one that was told last says who somebody is, where it says anything; the first one
-- says how they came.
select
    customer_id,
    min(registered_at) as registered_at,
    coalesce(max(case when newest = 1 then birth_year end), max(birth_year)) as birth_year,
    coalesce(
        max(case when newest = 1 then nullif(gender, 'unknown') end), max(nullif(gender, 'unknown')), max(gender)
    ) as gender,
    coalesce(max(case when newest = 1 then country end), max(country)) as country,
    coalesce(max(case when newest = 1 then city end), max(city)) as city,
    coalesce(max(case when newest = 1 then language end), max(language)) as language,
    max(case when oldest = 1 then acquisition_channel end) as acquisition_channel,
    max(case when oldest = 1 and referred_by <> customer_id then referred_by end) as referred_by
from known
group by customer_id
