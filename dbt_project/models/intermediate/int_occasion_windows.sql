{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- Purchase occasions on each date, in windows that end on it. Only customers with a counted occasion.
with placed as (
    select
        dates.customer_id,
        dates.as_of_date,
        occasions.booked_on,
        occasions.booked_on > dates.start_3m as is_in_3m,
        occasions.booked_on > dates.start_12m as is_in_12m,
        occasions.booked_on > dates.start_24m as is_in_24m,
        -- The same calendar day in the year of the date, and one year on (29 Feb falls on the 28th).
        {{ add_months("occasions.booked_on", "12 * (year(dates.as_of_date) - year(occasions.booked_on))") }}
            as anniversary_on,
        {{ add_months("occasions.booked_on", "12 * (year(dates.as_of_date) - year(occasions.booked_on) + 1)") }}
            as next_anniversary_on,
        {{ add_days("dates.as_of_date", 90) }} as season_ends_on
    from {{ part_rows("int_customer_dates") }} as dates
    inner join {{ ref("int_purchase_occasions") }} as occasions
        on
            dates.customer_id = occasions.customer_id
            and dates.as_of_date >= occasions.booked_on
            and dates.as_of_date < occasions.counts_until
)

select
    customer_id,
    as_of_date,
    cast(count(*) as integer) as purchase_occasions_lifetime,
    cast(count(case when is_in_3m then 1 end) as integer) as purchase_occasions_3m,
    cast(count(case when is_in_12m then 1 end) as integer) as purchase_occasions_12m,
    cast(count(case when is_in_24m and not is_in_12m then 1 end) as integer) as purchase_occasions_prior_12m,
    cast(count(case when is_in_24m then 1 end) as integer) as purchase_occasions_24m,
    cast(
        count(
            case
                when
                    (anniversary_on > as_of_date and anniversary_on <= season_ends_on)
                    or (next_anniversary_on > as_of_date and next_anniversary_on <= season_ends_on)
                    then 1
            end
        ) as double
    ) / count(*) as season_share_next_90d
from placed
group by customer_id, as_of_date
