-- Fails: every loss is voluntary or involuntary and has one cause (unknown among them), so the parts must give the
-- whole; a part left out of the sum would be a cause that nobody sees.
with parts as (
    select
        month,
        segment_kind,
        segment,
        sum(case when indicator = 'churn_rate' then numerator end) as losses,
        sum(case when indicator like 'churn_rate_initiative_%' then numerator end) as by_initiative,
        sum(case when indicator like 'churn_rate_cause_%' then numerator end) as by_cause,
        sum(case when indicator like 'churn_rate_value_%' then numerator end) as by_value
    from {{ ref("kpi_months") }}
    group by month, segment_kind, segment
)

select *
from parts
-- A value tier may be unknown, so that by value some may be missing, never too many.
where losses <> by_initiative or losses <> by_cause or losses < by_value
