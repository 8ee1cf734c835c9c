with answers as (
    select
        customer_id,
        purpose,
        status,
        changed_at,
        row_number() over (partition by customer_id, purpose order by changed_at desc) as place
    from {{ ref("stg_consents") }}
)

select
    customer_id,
    purpose,
    status = 'granted' as is_granted,
    changed_at
from answers
where place = 1
