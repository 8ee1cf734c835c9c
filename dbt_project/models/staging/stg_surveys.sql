select
    response_id,
    customer_id,
    booking_id,
    responded_at,
    survey_type,
    touchpoint,
    score,
    expectation_score,
    perception_score
from {{ source("raw", "surveys") }}
where {{ is_known("responded_at") }}
