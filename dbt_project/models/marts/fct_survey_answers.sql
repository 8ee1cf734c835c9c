{{ config(materialized="incremental", incremental_strategy="replace_customers", unique_key=["response_id"]) }}

select
    response_id,
    customer_id,
    responded_at,
    survey_type,
    touchpoint,
    score,
    satisfaction
from {{ ref("int_survey_answers") }}
where {{ is_of_changed_customer() }}
