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
        cast(clicked_at as date) as clicked_on,
        -- Nobody can tell whether a text message or a letter was read.
        coalesce(channel not in ('sms', 'post'), true) as can_be_opened
    from {{ ref("stg_campaign_touches") }}
    where arm = 'treatment'
),

aged as (
    select
        dates.customer_id,
        dates.as_of_date,
        {{ days_between("received.received_on", "dates.as_of_date") }} as days_since_received,
        received.can_be_opened,
        case
            when received.opened_on <= dates.as_of_date
                then {{ days_between("received.opened_on", "dates.as_of_date") }}
        end as days_since_opened,
        case
            when received.clicked_on <= dates.as_of_date
                then {{ days_between("received.clicked_on", "dates.as_of_date") }}
        end as days_since_clicked
    from {{ part_rows("int_customer_dates") }} as dates
    inner join received
        on dates.customer_id = received.customer_id and dates.as_of_date >= received.received_on
),

-- Messages that had time to be opened: those of half a year, and those of the two years before it.
judged as (
    select
        *,
        can_be_opened
        and days_since_received >= {{ var("signal_message_ripe_days") }}
        and days_since_received < {{ 180 + var("signal_message_ripe_days") }} as is_in_180d,
        can_be_opened
        and days_since_received >= {{ 180 + var("signal_message_ripe_days") }}
        and days_since_received < {{ 910 + var("signal_message_ripe_days") }} as is_in_prior_730d
    from aged
)

select
    customer_id,
    as_of_date,
    cast(count(case when days_since_received < 90 then 1 end) as integer) as campaign_touches_90d,
    cast(count(case when days_since_opened < 90 then 1 end) as integer) as campaign_opens_90d,
    cast(count(case when days_since_clicked < 90 then 1 end) as integer) as campaign_clicks_90d,
    cast(count(case when is_in_180d then 1 end) as integer) as messages_180d,
    cast(count(case when is_in_180d then days_since_opened end) as integer) as messages_opened_180d,
    cast(count(case when is_in_prior_730d then 1 end) as integer) as messages_prior_730d,
    cast(count(case when is_in_prior_730d then days_since_opened end) as integer) as messages_opened_prior_730d
from judged
group by customer_id, as_of_date
