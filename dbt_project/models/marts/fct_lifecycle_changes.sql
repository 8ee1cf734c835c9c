select
    customer_id,
    as_of_date as changed_on,
    previous_stage as from_stage,
    lifecycle_stage as to_stage
from {{ ref("int_customer_lifecycle") }}
where is_month_end and previous_stage <> lifecycle_stage
