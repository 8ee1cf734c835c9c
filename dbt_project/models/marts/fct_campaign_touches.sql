-- Made anew as a whole: a campaign that is corrected changes rows of customers who have not changed themselves.
select
    touch_id,
    customer_id,
    campaign_id,
    campaign_name,
    action,
    assigned_at,
    arm,
    channel,
    unit_cost,
    sent_at,
    opened_at,
    clicked_at
from {{ ref("int_campaign_touches") }}
