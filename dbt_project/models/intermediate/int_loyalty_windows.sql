{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

with placed as (
    select
        dates.customer_id,
        dates.as_of_date,
        entry_days.occurred_on > dates.start_12m as is_in_12m,
        {{ days_between("entry_days.occurred_on", "dates.as_of_date") }} as days_ago,
        entry_days.occurred_on,
        entry_days.tier,
        entry_days.points,
        entry_days.points_earned,
        entry_days.points_redeemed,
        entry_days.has_points_activity,
        entry_days.joined_at,
        entry_days.left_at
    from {{ part_rows("int_customer_dates") }} as dates
    inner join {{ ref("int_loyalty_days") }} as entry_days
        on dates.customer_id = entry_days.customer_id and dates.as_of_date >= entry_days.occurred_on
),

told as (
    select
        customer_id,
        as_of_date,
        -- Only joining again ends a leave: in real ledgers entries go on after it.
        max(left_at) is null or coalesce(max(joined_at) > max(left_at), false) as is_loyalty_member,
        {{ value_at_latest("tier", "case when tier is not null then occurred_on end") }} as tier,
        cast(sum(points) as double) as points_balance,
        cast(sum(case when is_in_12m then points_earned else 0 end) as double) as points_earned_12m,
        cast(sum(case when is_in_12m then points_redeemed else 0 end) as double) as points_redeemed_12m,
        cast(min(days_ago) as integer) as days_since_last_points_entry,
        cast(min(case when has_points_activity or joined_at is not null then days_ago end) as integer)
            as days_since_points_activity,
        cast(count(case when has_points_activity and days_ago < 180 then 1 end) as integer) as points_days_180d,
        cast(count(case when has_points_activity and days_ago >= 180 and days_ago < 545 then 1 end) as integer)
            as points_days_prior_365d
    from placed
    group by customer_id, as_of_date
)

select
    customer_id,
    as_of_date,
    is_loyalty_member,
    case when is_loyalty_member then tier end as loyalty_tier,
    points_balance,
    points_earned_12m,
    points_redeemed_12m,
    days_since_last_points_entry,
    days_since_points_activity,
    points_days_180d,
    points_days_prior_365d
from told
