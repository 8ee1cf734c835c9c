with dated as (
    select
        *,
        -- A cancellation without its date is placed where the row last changed, else where it began.
        case
            when status in ('cancelled_by_customer', 'cancelled_by_supplier')
                then coalesce(cancelled_at, greatest(updated_at, booked_at), booked_at)
        end as effective_cancelled_at
    from {{ source("raw", "bookings") }}
    where {{ is_known("booked_at") }}
)

select
    dated.booking_id,
    {{ person_of("dated") }} as customer_id,
    dated.booked_at,
    dated.service_line,
    dated.destination,
    dated.travel_start,
    dated.travel_end,
    dated.travellers,
    dated.channel,
    dated.gross_amount,
    coalesce(dated.discount_amount, 0) as discount_amount,
    cast(dated.gross_amount - coalesce(dated.discount_amount, 0) as decimal(18, 2)) as net_amount,
    dated.margin_amount,
    dated.currency,
    -- The status as it stood: what happened after the date of the build has not happened yet.
    case
        when dated.effective_cancelled_at is not null and {{ is_known("dated.effective_cancelled_at") }}
            then dated.status
        when dated.effective_cancelled_at is not null then 'confirmed'
        when dated.status in ('completed', 'no_show') and not {{ is_known("dated.travel_start") }}
            then 'confirmed'
        else dated.status
    end as status,
    {{ if_known("dated.effective_cancelled_at") }} as cancelled_at
from dated
{{ join_person("dated") }}
inner join {{ ref("stg_customers") }} as customers on {{ person_of("dated") }} = customers.customer_id
