-- Equally many customers to a part, and neighbours by name, so that a part lies together in every table made in parts.
with numbered as (
    select
        customer_id,
        ntile({{ env_var("ROUNDTRIP_PARTS", "1") if execute else 1 }}) over (order by customer_id) as part
    from {{ ref("int_customers") }}
)

select
    cast(part as integer) as part,
    min(customer_id) as first_customer_id,
    max(customer_id) as last_customer_id
from numbered
group by part
