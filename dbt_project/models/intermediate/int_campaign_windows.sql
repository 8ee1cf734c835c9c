{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- What reached the customer: the control arm is assigned, but receives nothing.
with received as (
    select
        customer_id,
        cast(coalesce(sent_at, assigned_at) as date) as received_on,
        cast(opened_at as date) as opened_on,
        cast(clicked_at as date) as clicked_on
    from {{ ref("stg_campaign_touches") }}
    where arm = 'treatment'
),

aged as (
    select
        dates.customer_id,
        dates.as_of_date,
        {{ days_between("received.received_on", "dates.as_of_date") }} as days_since_received,
        case
            when received.opened_on <= dates.as_of_date
                then {{ days_between("received.opened_on", "dates.as_of_date") }}
        end as days_since_opened,
        case
            when received.clicked_on <= dates.as_of_date
                then {{ days_between("received.clicked_on", "dates.as_of_date") }}
        end as days_since_clicked
    from {{ ref("int_customer_dates") }} as dates
    inner join received
        on dates.customer_id = received.customer_id and dates.as_of_date >= received.received_on
)

select
    customer_id,
    as_of_date,
    cast(count(case when days_since_received < 90 then 1 end) as integer) as campaign_touches_90d,
    cast(count(case when days_since_opened < 90 then 1 end) as integer) as campaign_opens_90d,
    cast(count(case when days_since_clicked < 90 then 1 end) as integer) as campaign_clicks_90d
from aged
group by customer_id, as_of_date
