{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "changed_on"]
) }}

select
    lifecycle.customer_id,
    lifecycle.as_of_date as changed_on,
    lifecycle.previous_stage as from_stage,
    lifecycle.lifecycle_stage as to_stage
from {{ ref("int_customer_lifecycle") }} as lifecycle
where
    lifecycle.is_month_end
    and lifecycle.previous_stage <> lifecycle.lifecycle_stage
    and {{ is_due("lifecycle") }}
