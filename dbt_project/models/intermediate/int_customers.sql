-- Staging's customers, kept: many models need them, and marts do not read staging.
select
    customer_id,
    registered_at,
    birth_year,
    gender,
    country,
    city,
    language,
    acquisition_channel,
    referred_by
from {{ ref("stg_customers") }}
