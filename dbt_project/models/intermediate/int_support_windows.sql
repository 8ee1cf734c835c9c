{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

with aged as (
    select
        dates.customer_id,
        dates.as_of_date,
        tickets.is_complaint,
        {{ days_between("cast(tickets.opened_at as date)", "dates.as_of_date") }} as days_ago,
        cast(tickets.opened_at as date) > dates.start_12m as is_in_12m,
        coalesce(cast(tickets.resolved_at as date) <= dates.as_of_date, false) as is_resolved,
        case
            when cast(tickets.first_response_at as date) <= dates.as_of_date
                then {{ seconds_between("tickets.opened_at", "tickets.first_response_at") }}
        end as first_response_seconds
    from {{ part_rows("int_customer_dates") }} as dates
    inner join {{ ref("stg_support_tickets") }} as tickets
        on
            dates.customer_id = tickets.customer_id
            and dates.as_of_date >= cast(tickets.opened_at as date)
)

select
    customer_id,
    as_of_date,
    cast(count(case when days_ago < 90 then 1 end) as integer) as tickets_90d,
    cast(count(case when is_complaint and is_in_12m then 1 end) as integer) as complaints_12m,
    cast(count(case when is_complaint and days_ago < 90 then 1 end) as integer) as complaints_90d,
    cast(count(case when is_complaint and days_ago >= 90 and days_ago < 455 then 1 end) as integer)
        as complaints_prior_365d,
    cast(count(case when is_complaint and not is_resolved then 1 end) as integer) as unresolved_complaints,
    cast(min(case when is_complaint then days_ago end) as integer) as days_since_last_complaint,
    cast(sum(case when is_in_12m then first_response_seconds end) as double)
    / nullif(count(case when is_in_12m then first_response_seconds end), 0)
    / 3600 as average_first_response_hours_12m
from aged
group by customer_id, as_of_date
