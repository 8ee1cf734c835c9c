-- One row: the first day of the first month whose rows are made anew for everybody, of the first whose figures are, and
-- of the first whose signals are; on a full build all are.
{% if is_increment() -%}
with seen_now as (
    select
        kind,
        month,
        fingerprint
    from {{ ref("int_fingerprints") }}
    where kind <> 'customer'
),

seen_before as (
    select
        kind,
        month,
        fingerprint
    from {{ source("last_build", "fingerprints") }}
    where kind <> 'customer'
),

changed as (
    select
        coalesce(seen_now.kind, seen_before.kind) as kind,
        coalesce(seen_now.month, seen_before.month) as month
    from seen_now
    full outer join seen_before on seen_now.kind = seen_before.kind and seen_now.month = seen_before.month
    where seen_now.fingerprint is distinct from seen_before.fingerprint
),

-- What is not known of a source before its first row depends on that one row, so everything does.
source_changes as (
    select count(*) as changes
    from (
        select * from {{ ref("int_source_starts") }}
        except
        select * from {{ source("last_build", "source_starts") }}
    ) as changed_starts
),

new_dates as (
    select {{ increment_starts_on() }} as starts_on
),

found as (
    select
        new_dates.starts_on,
        source_changes.changes,
        min(case when changed.kind = 'everybody' then changed.month end) as everybody_from,
        min(case when changed.kind <> 'signals' then changed.month end) as figures_from,
        min(changed.month) as signals_from
    from new_dates
    cross join source_changes
    left join changed on true
    group by new_dates.starts_on, source_changes.changes
)

select
    case
        when changes > 0 then cast('0001-01-01' as date)
        else least(starts_on, coalesce(everybody_from, starts_on))
    end as dates_from,
    case
        when changes > 0 then cast('0001-01-01' as date)
        else least(starts_on, coalesce(figures_from, starts_on))
    end as months_from,
    case
        when changes > 0 then cast('0001-01-01' as date)
        else least(starts_on, coalesce(signals_from, starts_on))
    end as signals_from
from found
{%- else -%}
select
    cast('0001-01-01' as date) as dates_from,
    cast('0001-01-01' as date) as months_from,
    cast('0001-01-01' as date) as signals_from
{%- endif %}
