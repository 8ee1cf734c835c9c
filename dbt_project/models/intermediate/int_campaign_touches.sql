{{ config(materialized="view") }}

select
    touches.touch_id,
    touches.customer_id,
    touches.campaign_id,
    campaigns.name as campaign_name,
    campaigns.action,
    touches.assigned_at,
    touches.arm,
    touches.channel,
    campaigns.unit_cost,
    touches.sent_at,
    touches.opened_at,
    touches.clicked_at
from {{ ref("stg_campaign_touches") }} as touches
inner join {{ ref("int_customers") }} as customers on touches.customer_id = customers.customer_id
left join {{ ref("int_campaigns") }} as campaigns on touches.campaign_id = campaigns.campaign_id
