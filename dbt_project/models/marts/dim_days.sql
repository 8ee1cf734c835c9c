-- Every day from the first registration or booking up to the date of the build: what metrics are laid out along.
with first_day as (
    select min(as_of_date) as first_as_of_date
    from {{ ref("int_dates") }}
),

days as (
    select {{ days_from_to(month_start("first_as_of_date"), as_of_date()) }} as day_start
    from first_day
)

select
    cast(day_start as date) as day_on,
    {{ month_start("day_start") }} as month,
    {{ month_end("day_start") }} = cast(day_start as date) as is_month_end
from days
