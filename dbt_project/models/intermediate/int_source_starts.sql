-- Before a source has delivered its first row its measures are unknown (NULL), not zero. Judged date by
-- date, so that a source added later does not rewrite the past. One row: every part below has one.
with customers as (
    select
        min(
            case when coalesce(acquisition_channel, referred_by) is not null then cast(registered_at as date) end
        ) as origins_start_on
    from {{ ref("int_customers") }}
),

bookings as (
    select
        min(case when net_value is not null then booked_on end) as prices_start_on,
        min(case when margin_value is not null then booked_on end) as margins_start_on
    from {{ ref("int_bookings") }}
),

web_events as (
    select min(occurred_on) as web_events_start_on
    from {{ ref("int_web_days") }}
),

tickets as (
    select min(cast(opened_at as date)) as tickets_start_on
    from {{ ref("stg_support_tickets") }}
),

surveys as (
    select min(cast(responded_at as date)) as surveys_start_on
    from {{ ref("stg_surveys") }}
),

loyalty as (
    select min(occurred_on) as loyalty_start_on
    from {{ ref("int_loyalty_days") }}
),

campaigns as (
    select
        min(cast(assigned_at as date)) as campaigns_start_on,
        min(cast(coalesce(opened_at, clicked_at) as date)) as campaign_responses_start_on
    from {{ ref("stg_campaign_touches") }}
),

consents as (
    select min(cast(changed_at as date)) as consents_start_on
    from {{ ref("stg_consents") }}
)

select
    customers.origins_start_on,
    bookings.prices_start_on,
    bookings.margins_start_on,
    web_events.web_events_start_on,
    tickets.tickets_start_on,
    surveys.surveys_start_on,
    loyalty.loyalty_start_on,
    campaigns.campaigns_start_on,
    campaigns.campaign_responses_start_on,
    consents.consents_start_on
from customers
cross join bookings
cross join web_events
cross join tickets
cross join surveys
cross join loyalty
cross join campaigns
cross join consents
