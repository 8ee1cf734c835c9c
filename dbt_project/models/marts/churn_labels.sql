{{ config(
    materialized="incremental",
    incremental_strategy="replace_labels",
    unique_key=["customer_id", "as_of_date"]
) }}

-- The one table that looks ahead of its as_of_date; never join it to features except by both keys.
with horizons as (
    select
        customer_id,
        as_of_date,
        coalesce(is_loyalty_member, false) as is_programme_member,
        cast(
            least(
                {{ var("label_horizon_max_days") }},
                greatest(
                    {{ var("label_horizon_min_days") }},
                    ceil({{ var("label_horizon_gaps") }} * typical_gap_days)
                )
            ) as integer
        ) as horizon_days
    from {{ ref("customer_features") }}
    where is_scorable
),

dated as (
    select
        *,
        {{ add_days("as_of_date", "horizon_days") }} as horizon_ends_on,
        {{ add_days("as_of_date", var("programme_leave_days")) }} as programme_ends_on
    from horizons
),

-- A row is made anew when its outcome has become known, and when its customer did anything: what somebody does after a
-- date is its outcome.
due as (
    select *
    from dated
    where {{ is_due("dated") }} or {{ is_of_changed_customer() }} or {{ has_ripened() }}
),

-- A booking in the horizon counts as it stood when the horizon ended.
returned as (
    select
        dated.customer_id,
        dated.as_of_date,
        count(*) as occasions
    from due as dated
    inner join {{ ref("int_purchase_occasions") }} as occasions
        on
            dated.customer_id = occasions.customer_id
            and dated.as_of_date < occasions.booked_on
            and dated.horizon_ends_on >= occasions.booked_on
            and dated.horizon_ends_on < occasions.counts_until
    group by dated.customer_id, dated.as_of_date
),

departed as (
    select
        dated.customer_id,
        dated.as_of_date,
        count(*) as leaves
    from due as dated
    inner join {{ ref("int_programme_leaves") }} as programme_leaves
        on
            dated.customer_id = programme_leaves.customer_id
            and dated.as_of_date < programme_leaves.left_on
            and dated.programme_ends_on >= programme_leaves.left_on
    group by dated.customer_id, dated.as_of_date
)

select
    dated.customer_id,
    dated.as_of_date,
    dated.horizon_days,
    dated.horizon_ends_on,
    dated.horizon_ends_on > {{ as_of_date() }} as is_censored,
    case when dated.horizon_ends_on <= {{ as_of_date() }} then returned.occasions is null end as is_churned,
    dated.is_programme_member,
    case
        when dated.is_programme_member and dated.programme_ends_on <= {{ as_of_date() }}
            then departed.leaves is not null
    end as has_left_programme_183d
from due as dated
left join returned on dated.customer_id = returned.customer_id and dated.as_of_date = returned.as_of_date
left join departed on dated.customer_id = departed.customer_id and dated.as_of_date = departed.as_of_date
