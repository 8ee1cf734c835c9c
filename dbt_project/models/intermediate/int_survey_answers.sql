{{ config(materialized="view") }}

select
    surveys.response_id,
    surveys.customer_id,
    surveys.responded_at,
    surveys.survey_type,
    surveys.touchpoint,
    cast(surveys.score as double) as score,
    -- One scale for all: the worst answer is 0, the best 1.
    case
        when surveys.survey_type = 'nps' then cast(surveys.score as double) / 10
        else (cast(surveys.score as double) - 1) / 4
    end as satisfaction
from {{ ref("stg_surveys") }} as surveys
inner join {{ ref("int_customers") }} as customers on surveys.customer_id = customers.customer_id
