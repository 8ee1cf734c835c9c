{{ config(
    materialized="incremental",
    incremental_strategy="replace_changed_days",
    unique_key=["customer_id", "occurred_on"]
) }}

-- What each customer did on the web in a day: what the windows sum over, some ten times fewer rows than events. In the
-- order of customers: sums by customer and date then come to an end one after the other, instead of all at last.
select
    customer_id,
    cast(occurred_at as date) as occurred_on,
    cast(count(*) as integer) as events,
    cast(count(case when event_type = 'search' then 1 end) as integer) as searches,
    cast(count(case when event_type = 'checkout_failed' then 1 end) as integer) as checkouts_failed,
    max(case when event_type = 'unsubscribe' then 1 else 0 end) = 1 as has_unsubscribed,
    -- The furthest step of the journey that the day shows; logging in or out of a newsletter shows none.
    case
        when max(case when event_type in ('cart', 'checkout_failed') then 1 else 0 end) = 1 then 'booking'
        when max(case when event_type in ('search', 'view', 'wishlist') then 1 else 0 end) = 1 then 'planning'
    end as journey_stage
from {{ ref("stg_web_events") }}
where {{ is_changed_day("cast(occurred_at as date)") }}
group by customer_id, cast(occurred_at as date)
order by customer_id
