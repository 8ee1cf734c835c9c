select
    customer_id,
    {{ month_end("responded_at") }} as as_of_date,
    cast(count(case when survey_type = 'csat' then 1 end) as integer) as csat_responses,
    sum(case when survey_type = 'csat' then cast(score as decimal(9, 4)) end) as csat_score,
    cast(count(case when survey_type = 'nps' then 1 end) as integer) as nps_responses,
    cast(count(case when survey_type = 'nps' and score >= 9 then 1 end) as integer) as nps_promoters,
    cast(
        count(case when survey_type = 'nps' and score <= {{ var("detractor_score_max") }} then 1 end) as integer
    ) as nps_detractors,
    cast(count(perception_score - expectation_score) as integer) as servqual_responses,
    sum(cast(perception_score - expectation_score as decimal(9, 4))) as servqual_gap
from {{ ref("stg_surveys") }}
group by customer_id, {{ month_end("responded_at") }}
