-- What came of every message that reached a customer, told once its window has closed and never changed after.
with sent as (
    select
        touch_id,
        customer_id,
        coalesce(channel, 'unknown') as channel,
        coalesce(sent_at, assigned_at) as sent_at,
        least(coalesce(opened_at, clicked_at), coalesce(clicked_at, opened_at)) as responded_at
    from {{ ref("stg_campaign_touches") }}
    where arm = 'treatment'
),

closed as (
    select
        *,
        {{ add_days("sent_at", var("campaign_window_days")) }} as window_ends_on
    from sent
    where {{ is_known(add_days("sent_at", var("campaign_window_days"))) }}
),

-- By the clock, since a message often leads to a booking on the same day; as it stood when the window closed.
bought as (
    select distinct closed.touch_id
    from closed
    inner join {{ ref("int_bookings") }} as bookings
        on
            closed.customer_id = bookings.customer_id
            and closed.sent_at < bookings.booked_at
            and closed.window_ends_on >= bookings.booked_on
            and closed.window_ends_on < bookings.counts_until
)

select
    closed.touch_id,
    closed.customer_id,
    closed.channel,
    closed.sent_at,
    closed.window_ends_on,
    coalesce(cast(closed.responded_at as date) <= closed.window_ends_on, false) as has_responded,
    bought.touch_id is not null as has_converted
from closed
left join bought on closed.touch_id = bought.touch_id
