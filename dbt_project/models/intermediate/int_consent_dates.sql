{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- Which consents were withdrawn on each date; only customers who had withdrawn one. Of two answers of one moment the
-- withdrawal counts, and so does the withdrawal of either of two accounts.
with answers as (
    select
        customer_id,
        purpose,
        status,
        cast(changed_at as date) as withdrawn_on,
        lead(cast(changed_at as date), 1, {{ end_of_time() }}) over (
            partition by account_id, purpose order by changed_at, status
        ) as withdrawn_until
    from {{ ref("stg_consents") }}
    where {{ is_in_part() }}
)

select
    dates.customer_id,
    dates.as_of_date,
    {{ list_of_known("answers.purpose", consent_purposes()) }} as withdrawn_consents,
    max(case when answers.purpose = 'profiling' then 1 else 0 end) = 0 as may_be_profiled
from {{ part_rows("int_customer_dates") }} as dates
inner join answers
    on
        dates.customer_id = answers.customer_id
        and dates.as_of_date >= answers.withdrawn_on
        and dates.as_of_date < answers.withdrawn_until
where answers.status = 'withdrawn'
group by dates.customer_id, dates.as_of_date
