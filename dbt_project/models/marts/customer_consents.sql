{{ config(
    materialized="incremental",
    incremental_strategy="replace_customers",
    unique_key=["customer_id", "purpose"]
) }}

select
    consents.customer_id,
    consents.purpose,
    consents.is_granted,
    consents.changed_at
from {{ ref("int_consents") }} as consents
inner join {{ ref("int_customers") }} as customers on consents.customer_id = customers.customer_id
where {{ is_of_changed_customer("consents.customer_id") }}
