{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

select
    lifecycle.customer_id,
    lifecycle.as_of_date,
    lifecycle.lifecycle_stage,
    lifecycle.activity_status,
    journey.journey_stage,
    lifecycle.typical_gap_days,
    lifecycle.overdue_ratio,
    cast(lifecycle.days_since_last_booking as integer) as days_since_last_booking,
    lifecycle.purchase_occasions_lifetime as purchase_occasions,
    coalesce(windows.bookings_12m, 0) as bookings_12m,
    {% for name in ["value_12m", "value_prior_12m", "value_lifetime"] -%}
    {{ value_shown(name, "lifecycle.as_of_date") }} as {{ name }},
    {% endfor -%}
    coalesce(windows.service_lines_12m, 0) as service_lines_12m,
    windows.service_line_names_12m,
    windows.dominant_service_line,
    -- Only customers of several lines have them told apart; for the others the one line is usual or none is.
    coalesce(
        line_use.usual_line_names,
        case
            when
                windows.service_lines_lifetime = 1
                and rhythm.bookings_up_to_last >= {{ var("usual_line_min_bookings") }}
                then windows.dominant_service_line
        end
    ) as usual_service_lines,
    lifecycle.dropped_line_names as dropped_service_lines,
    tiers.value_tier,
    needs.need_segment,
    lifecycle.churn_severity,
    reasons.churn_initiative,
    reasons.churn_cause,
    reasons.cause_confidence as churn_cause_confidence,
    lifecycle.is_reactivated,
    alive.probability_alive,
    {% for name in ["complaints_12m", "unresolved_complaints"] -%}
    case when lifecycle.as_of_date >= starts.tickets_start_on then coalesce(support.{{ name }}, 0) end as {{ name }},
    {% endfor -%}
    support.average_first_response_hours_12m,
    surveys.csat_latest,
    surveys.nps_latest,
    cast(surveys.servqual_gap_latest as double) as servqual_gap_latest,
    case
        when lifecycle.as_of_date >= starts.loyalty_start_on then coalesce(loyalty.is_loyalty_member, false)
    end as is_loyalty_member,
    loyalty.loyalty_tier,
    case when lifecycle.as_of_date >= starts.loyalty_start_on then coalesce(loyalty.points_balance, 0) end
        as points_balance,
    {% for name in ["campaign_touches_90d", "campaign_opens_90d", "campaign_clicks_90d"] -%}
    case when lifecycle.as_of_date >= starts.campaigns_start_on then coalesce(campaigns.{{ name }}, 0) end
        as {{ name }},
    {% endfor -%}
    coalesce(consents.may_be_profiled, true) as may_be_profiled,
    consents.withdrawn_consents,
    coalesce(windows.is_high_volume, false) as is_high_volume
from {{ ref("int_customer_lifecycle") }} as lifecycle
{% if is_increment() -%}
-- Small, and its size is known, so that a plan with a dozen joins begins with it.
inner join {{ ref("int_customer_dates") }} as due  -- noqa: ST11
    on lifecycle.customer_id = due.customer_id and lifecycle.as_of_date = due.as_of_date
{%- endif %}
cross join {{ ref("int_source_starts") }} as starts
left join {{ due_rows("int_journey_stages") }} as journey
    on lifecycle.customer_id = journey.customer_id and lifecycle.as_of_date = journey.as_of_date
left join {{ due_rows("int_booking_windows") }} as windows
    on lifecycle.customer_id = windows.customer_id and lifecycle.as_of_date = windows.as_of_date
left join {{ due_rows("int_value_tiers") }} as tiers
    on lifecycle.customer_id = tiers.customer_id and lifecycle.as_of_date = tiers.as_of_date
left join {{ due_rows("int_need_segments") }} as needs
    on lifecycle.customer_id = needs.customer_id and lifecycle.as_of_date = needs.as_of_date
left join {{ due_rows("int_churn_reasons") }} as reasons
    on lifecycle.customer_id = reasons.customer_id and lifecycle.as_of_date = reasons.as_of_date
left join {{ due_rows("int_alive_probabilities") }} as alive
    on lifecycle.customer_id = alive.customer_id and lifecycle.as_of_date = alive.as_of_date
left join {{ due_rows("int_customer_rhythm") }} as rhythm
    on lifecycle.customer_id = rhythm.customer_id and lifecycle.as_of_date = rhythm.as_of_date
left join {{ due_rows("int_service_line_use") }} as line_use
    on lifecycle.customer_id = line_use.customer_id and lifecycle.as_of_date = line_use.as_of_date
left join {{ due_rows("int_support_windows") }} as support
    on lifecycle.customer_id = support.customer_id and lifecycle.as_of_date = support.as_of_date
left join {{ due_rows("int_survey_windows") }} as surveys
    on lifecycle.customer_id = surveys.customer_id and lifecycle.as_of_date = surveys.as_of_date
left join {{ due_rows("int_loyalty_windows") }} as loyalty
    on lifecycle.customer_id = loyalty.customer_id and lifecycle.as_of_date = loyalty.as_of_date
left join {{ due_rows("int_campaign_windows") }} as campaigns
    on lifecycle.customer_id = campaigns.customer_id and lifecycle.as_of_date = campaigns.as_of_date
left join {{ due_rows("int_consent_dates") }} as consents
    on lifecycle.customer_id = consents.customer_id and lifecycle.as_of_date = consents.as_of_date
where lifecycle.is_month_end and {{ is_in_part("lifecycle.customer_id") }}
