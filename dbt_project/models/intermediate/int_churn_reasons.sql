{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- Who broke it, and why: one row per customer and date with a churn severity.
with causes as (
    select
        found.customer_id,
        found.as_of_date,
        found.cause,
        -- Independent findings: the chance that at least one of them points the right way.
        round(1 - exp(sum(ln(1 - weight))), 4) as confidence
    from {{ part_rows("int_churn_evidence") }} as found
    where cause <> 'unknown' and {{ is_due("found") }}
    group by found.customer_id, found.as_of_date, found.cause
),

ranked as (
    select
        *,
        row_number() over (partition by customer_id, as_of_date order by confidence desc, cause asc) as cause_rank
    from causes
    where confidence >= {{ var("cause_min_confidence") }}
),

evidence as (
    select
        found.customer_id,
        found.as_of_date,
        max(case when is_company_side then 1 else 0 end) = 1 as is_company_side,
        {{ text_list("cast(found_on as varchar) || ' ' || description") }} as evidence
    from {{ part_rows("int_churn_evidence") }} as found
    where {{ is_due("found") }}
    group by found.customer_id, found.as_of_date
)

select
    lifecycle.customer_id,
    lifecycle.as_of_date,
    case when evidence.is_company_side then 'involuntary' else 'voluntary' end as churn_initiative,
    coalesce(ranked.cause, 'unknown') as churn_cause,
    ranked.confidence as cause_confidence,
    evidence.evidence
from {{ part_rows("int_customer_lifecycle") }} as lifecycle
left join evidence
    on lifecycle.customer_id = evidence.customer_id and lifecycle.as_of_date = evidence.as_of_date
left join ranked
    on
        lifecycle.customer_id = ranked.customer_id
        and lifecycle.as_of_date = ranked.as_of_date
        and ranked.cause_rank = 1
where lifecycle.churn_severity is not null and {{ is_due("lifecycle") }}
