{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

-- With the parameters of the last day of fitting: what was fitted later never moves an earlier date.
select
    rhythm.customer_id,
    rhythm.as_of_date,
    {{ probability_alive(
        "parameters",
        "rhythm.gap_count",
        days_between("rhythm.first_booked_on", "rhythm.last_booked_on"),
        days_between("rhythm.first_booked_on", "rhythm.as_of_date")
    ) }} as probability_alive
from {{ due_rows("int_customer_rhythm") }} as rhythm
left join {{ ref("int_alive_parameters") }} as parameters
    on rhythm.as_of_date >= parameters.fitted_on and rhythm.as_of_date < parameters.valid_until
