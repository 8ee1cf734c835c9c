{{ config(
    materialized="incremental",
    incremental_strategy="replace_customers",
    unique_key=["customer_id", "purpose"]
) }}

with answers as (
    select
        customer_id,
        account_id,
        purpose,
        status,
        changed_at,
        row_number() over (partition by account_id, purpose order by changed_at desc, status desc) as place
    from {{ ref("stg_consents") }}
    where {{ is_of_changed_customer() }}
)

select
    customer_id,
    purpose,
    min(case when status = 'granted' then 1 else 0 end) = 1 as is_granted,
    max(changed_at) as changed_at
from answers
where place = 1
group by customer_id, purpose
