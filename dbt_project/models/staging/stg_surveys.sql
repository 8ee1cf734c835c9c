select
    surveys.response_id,
    {{ person_of("surveys") }} as customer_id,
    surveys.booking_id,
    surveys.responded_at,
    surveys.survey_type,
    surveys.touchpoint,
    surveys.score,
    surveys.expectation_score,
    surveys.perception_score
from {{ source("raw", "surveys") }} as surveys
{{ join_person("surveys") }}
where {{ is_known("surveys.responded_at") }}
