select
    customers.customer_id,
    cast(customers.registered_at as date) as registered_on,
    dates.as_of_date,
    dates.is_month_end,
    dates.is_run_date,
    dates.start_3m,
    dates.start_12m,
    dates.start_24m
from {{ ref("int_customers") }} as customers
inner join {{ ref("int_dates") }} as dates
    on cast(customers.registered_at as date) <= dates.as_of_date
