{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

with aged as (
    select
        dates.customer_id,
        dates.as_of_date,
        {{ days_between("event_days.occurred_on", "dates.as_of_date") }} as days_ago,
        event_days.events,
        event_days.searches,
        event_days.checkouts_failed,
        event_days.has_unsubscribed
    from {{ part_rows("int_customer_dates") }} as dates
    inner join {{ ref("int_web_days") }} as event_days
        on dates.customer_id = event_days.customer_id and dates.as_of_date >= event_days.occurred_on
)

select
    customer_id,
    as_of_date,
    cast(sum(case when days_ago < 30 then events else 0 end) as integer) as web_events_30d,
    cast(sum(case when days_ago < 90 then events else 0 end) as integer) as web_events_90d,
    cast(sum(case when days_ago >= 90 and days_ago < 180 then events else 0 end) as integer)
        as web_events_prior_90d,
    cast(sum(case when days_ago < 90 then searches else 0 end) as integer) as searches_90d,
    cast(sum(case when days_ago < 90 then checkouts_failed else 0 end) as integer) as checkout_failed_90d,
    cast(sum(case when days_ago >= 90 and days_ago < 455 then events else 0 end) as integer) as web_events_prior_365d,
    cast(sum(case when days_ago >= 90 and days_ago < 455 then checkouts_failed else 0 end) as integer)
        as checkout_failed_prior_365d,
    cast(min(days_ago) as integer) as days_since_last_web_event,
    max(case when has_unsubscribed then 1 else 0 end) = 1 as has_unsubscribed,
    cast(min(case when has_unsubscribed then days_ago end) as integer) as days_since_unsubscribed
from aged
group by customer_id, as_of_date
