{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

with answered as (
    select
        dates.customer_id,
        dates.as_of_date,
        surveys.survey_type,
        surveys.score,
        surveys.perception_score - surveys.expectation_score as servqual_gap,
        surveys.responded_at,
        {{ days_between("cast(surveys.responded_at as date)", "dates.as_of_date") }} as days_ago,
        row_number() over (
            partition by dates.customer_id, dates.as_of_date, surveys.survey_type
            order by surveys.responded_at desc, surveys.response_id desc
        ) as recency_rank
    from {{ part_rows("int_customer_dates") }} as dates
    inner join {{ ref("stg_surveys") }} as surveys
        on
            dates.customer_id = surveys.customer_id
            and dates.as_of_date >= cast(surveys.responded_at as date)
)

select
    customer_id,
    as_of_date,
    max(case when survey_type = 'csat' then score end) as csat_latest,
    max(case when survey_type = 'nps' then score end) as nps_latest,
    max(case when survey_type = 'servqual' then servqual_gap end) as servqual_gap_latest,
    cast(min(days_ago) as integer) as days_since_last_survey
from answered
where recency_rank = 1
group by customer_id, as_of_date
