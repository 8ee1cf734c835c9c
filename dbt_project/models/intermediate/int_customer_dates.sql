-- The dates that are made anew in this build: on a full build all, on an increment those that can have changed.
select
    customers.customer_id,
    cast(customers.registered_at as date) as registered_on,
    dates.as_of_date,
    dates.is_month_end,
    dates.start_3m,
    dates.start_12m,
    dates.start_24m
from {{ ref("int_customers") }} as customers
inner join {{ ref("int_dates") }} as dates
    on cast(customers.registered_at as date) <= dates.as_of_date
where
    {{ is_due_date("dates.as_of_date") }}
    or {{ has_changed_past("customers.customer_id") }}
