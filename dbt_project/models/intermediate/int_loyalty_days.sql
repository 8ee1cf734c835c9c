{{ config(
    materialized="incremental",
    incremental_strategy="replace_customers",
    unique_key=["customer_id", "occurred_on"]
) }}

-- What each customer's loyalty account shows in a day. In the order of customers, as int_web_days.
select
    customer_id,
    cast(occurred_at as date) as occurred_on,
    sum(coalesce(points, 0)) as points,
    sum(case when entry_type = 'earn' then points else 0 end) as points_earned,
    sum(case when entry_type = 'redeem' then -points else 0 end) as points_redeemed,
    {{ value_at_latest(
        "tier", "case when tier is not null then cast(occurred_at as varchar) || ' ' || entry_id end"
    ) }} as tier,
    max(case when entry_type in ('earn', 'redeem') then 1 else 0 end) = 1 as has_points_activity,
    -- What leaving the programme takes with it has not expired.
    max(case entry_type when 'leave' then 2 when 'expire' then 1 else 0 end) = 1 as has_expired,
    max(case when entry_type = 'join' then occurred_at end) as joined_at,
    max(case when entry_type = 'leave' then occurred_at end) as left_at
from {{ ref("stg_loyalty_ledger") }}
where {{ is_of_changed_customer() }}
group by customer_id, cast(occurred_at as date)
order by customer_id
