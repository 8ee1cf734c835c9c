-- Tickets opened in each month, answered by its end or not.
with opened as (
    select
        customer_id,
        {{ month_end("opened_at") }} as as_of_date,
        is_complaint,
        case
            when cast(first_response_at as date) <= {{ month_end("opened_at") }}
                then {{ seconds_between("opened_at", "first_response_at") }}
        end as first_response_seconds
    from {{ ref("stg_support_tickets") }}
)

select
    customer_id,
    as_of_date,
    cast(count(case when is_complaint then 1 end) as integer) as complaints,
    cast(count(first_response_seconds) as integer) as answered_tickets,
    cast(sum(first_response_seconds) as bigint) as first_response_seconds
from opened
group by customer_id, as_of_date
