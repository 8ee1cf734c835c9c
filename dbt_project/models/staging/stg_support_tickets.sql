with dated as (
    select
        *,
        -- A resolution that carries no date is taken as known from the opening, the only date there is.
        case when resolution <> 'open' then coalesce(resolved_at, opened_at) else resolved_at end
            as effective_resolved_at
    from {{ source("raw", "support_tickets") }}
    where {{ is_known("opened_at") }}
)

select
    ticket_id,
    customer_id,
    booking_id,
    opened_at,
    channel,
    is_complaint,
    category,
    severity,
    {{ if_known("first_response_at") }} as first_response_at,
    {{ if_known("effective_resolved_at") }} as resolved_at,
    case when {{ is_known("effective_resolved_at") }} then resolution else 'open' end as resolution
from dated
