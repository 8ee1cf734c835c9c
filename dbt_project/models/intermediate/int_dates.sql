with first_day as (
    select min(cast(registered_at as date)) as registered_on
    from {{ ref("int_customers") }}
),

months as (
    select {{ month_ends("registered_on", as_of_date()) }} as month_start
    from first_day
),

dates as (
    select {{ month_end("month_start") }} as as_of_date
    from months
    where {{ month_end("month_start") }} <= {{ as_of_date() }}
    union
    select {{ as_of_date() }} as as_of_date
)

select
    as_of_date,
    as_of_date = {{ month_end("as_of_date") }} as is_month_end,
    {{ months_before("as_of_date", 3) }} as start_3m,
    {{ months_before("as_of_date", 12) }} as start_12m,
    {{ months_before("as_of_date", 24) }} as start_24m
from dates
