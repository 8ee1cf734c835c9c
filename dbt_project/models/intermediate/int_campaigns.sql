-- The cost in the reporting currency, at the rate of the day the campaign started.
select
    campaigns.campaign_id,
    campaigns.name,
    campaigns.action,
    cast(
        round(
            campaigns.unit_cost
            * case when campaigns.currency = reporting.currency then 1 else rates.rate end, 2
        ) as decimal(18, 2)
    ) as unit_cost
from {{ ref("stg_campaigns") }} as campaigns
cross join {{ ref("int_reporting_currency") }} as reporting
left join {{ ref("int_exchange_rates") }} as rates
    on
        campaigns.currency = rates.currency
        and cast(campaigns.started_at as date) >= rates.valid_from
        and cast(campaigns.started_at as date) < rates.valid_until
