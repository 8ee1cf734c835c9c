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
    dated.ticket_id,
    {{ person_of("dated") }} as customer_id,
    dated.booking_id,
    dated.opened_at,
    dated.channel,
    dated.is_complaint,
    dated.category,
    dated.severity,
    {{ if_known("dated.first_response_at") }} as first_response_at,
    {{ if_known("dated.effective_resolved_at") }} as resolved_at,
    case when {{ is_known("dated.effective_resolved_at") }} then dated.resolution else 'open' end as resolution
from dated
{{ join_person("dated") }}
