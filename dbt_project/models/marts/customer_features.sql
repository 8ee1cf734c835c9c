{{ config(
    materialized="incremental",
    incremental_strategy="replace_customer_dates",
    unique_key=["customer_id", "as_of_date"]
) }}

select
    dates.customer_id,
    dates.as_of_date,
    dates.is_month_end,
    lifecycle.lifecycle_stage,
    lifecycle.activity_status,
    lifecycle.lifecycle_stage not in ('prospect', 'lost') as is_scorable,
    cast({{ days_between("dates.registered_on", "dates.as_of_date") }} as integer) as tenure_days,
    cast({{ days_between("lifecycle.first_booked_on", "dates.as_of_date") }} as integer) as days_since_first_booking,
    cast(lifecycle.days_since_last_booking as integer) as days_since_last_booking,
    lifecycle.typical_gap_days,
    lifecycle.overdue_ratio,
    coalesce(lifecycle.gap_count, 0) as gap_count,
    coalesce(windows.bookings_lifetime, 0) as bookings_lifetime,
    lifecycle.purchase_occasions_lifetime,
    coalesce(occasions.purchase_occasions_3m, 0) as purchase_occasions_3m,
    coalesce(occasions.purchase_occasions_12m, 0) as purchase_occasions_12m,
    coalesce(occasions.purchase_occasions_prior_12m, 0) as purchase_occasions_prior_12m,
    coalesce(windows.bookings_12m, 0) as bookings_12m,
    {% for name in ["value_12m", "value_prior_12m", "value_lifetime"] -%}
    {{ value_shown(name, "dates.as_of_date") }} as {{ name }},
    {% endfor -%}
    cast(windows.value_lifetime as double) / nullif(windows.priced_bookings_lifetime, 0) as average_booking_value,
    cast(windows.discount_value_12m as double) / nullif(cast(windows.gross_value_12m as double), 0)
        as discount_share_12m,
    coalesce(windows.service_lines_12m, 0) as service_lines_12m,
    coalesce(windows.service_lines_lifetime, 0) as service_lines_lifetime,
    windows.average_lead_days,
    windows.average_travellers,
    coalesce(cancellations.cancellations_by_customer_12m, 0) as cancellations_by_customer_12m,
    coalesce(cancellations.cancellations_by_supplier_12m, 0) as cancellations_by_supplier_12m,
    coalesce(cancellations.no_shows_12m, 0) as no_shows_12m,
    occasions.season_share_next_90d,
    {% for name in [
        "web_events_30d", "web_events_90d", "web_events_prior_90d", "searches_90d", "checkout_failed_90d"
    ] -%}
    case when dates.as_of_date >= starts.web_events_start_on then coalesce(web.{{ name }}, 0) end as {{ name }},
    {% endfor -%}
    web.days_since_last_web_event,
    case when dates.as_of_date >= starts.web_events_start_on then coalesce(web.has_unsubscribed, false) end
        as has_unsubscribed,
    {% for name in ["tickets_90d", "complaints_12m", "unresolved_complaints"] -%}
    case when dates.as_of_date >= starts.tickets_start_on then coalesce(support.{{ name }}, 0) end as {{ name }},
    {% endfor -%}
    support.days_since_last_complaint,
    support.average_first_response_hours_12m,
    surveys.csat_latest,
    surveys.nps_latest,
    surveys.days_since_last_survey,
    case when dates.as_of_date >= starts.loyalty_start_on then coalesce(loyalty.is_loyalty_member, false) end
        as is_loyalty_member,
    {% for name in ["points_balance", "points_earned_12m", "points_redeemed_12m"] -%}
    case when dates.as_of_date >= starts.loyalty_start_on then coalesce(loyalty.{{ name }}, 0) end as {{ name }},
    {% endfor -%}
    loyalty.days_since_last_points_entry,
    {% for name in ["campaign_touches_90d", "campaign_opens_90d"] -%}
    case when dates.as_of_date >= starts.campaigns_start_on then coalesce(campaigns.{{ name }}, 0) end
        as {{ name }},
    {% endfor -%}
    cast(month(dates.as_of_date) as integer) as month_of_year,
    cast(year(dates.as_of_date) - customers.birth_year as integer) as age_years,
    customers.country,
    customers.gender,
    customers.acquisition_channel
from {{ part_rows("int_customer_dates") }} as dates
cross join {{ ref("int_source_starts") }} as starts
inner join {{ part_rows("int_customers") }} as customers on dates.customer_id = customers.customer_id
inner join {{ due_rows("int_customer_lifecycle") }} as lifecycle
    on dates.customer_id = lifecycle.customer_id and dates.as_of_date = lifecycle.as_of_date
left join {{ due_rows("int_booking_windows") }} as windows
    on dates.customer_id = windows.customer_id and dates.as_of_date = windows.as_of_date
left join {{ due_rows("int_occasion_windows") }} as occasions
    on dates.customer_id = occasions.customer_id and dates.as_of_date = occasions.as_of_date
left join {{ due_rows("int_cancellation_windows") }} as cancellations
    on dates.customer_id = cancellations.customer_id and dates.as_of_date = cancellations.as_of_date
left join {{ due_rows("int_web_windows") }} as web
    on dates.customer_id = web.customer_id and dates.as_of_date = web.as_of_date
left join {{ due_rows("int_support_windows") }} as support
    on dates.customer_id = support.customer_id and dates.as_of_date = support.as_of_date
left join {{ due_rows("int_survey_windows") }} as surveys
    on dates.customer_id = surveys.customer_id and dates.as_of_date = surveys.as_of_date
left join {{ due_rows("int_loyalty_windows") }} as loyalty
    on dates.customer_id = loyalty.customer_id and dates.as_of_date = loyalty.as_of_date
left join {{ due_rows("int_campaign_windows") }} as campaigns
    on dates.customer_id = campaigns.customer_id and dates.as_of_date = campaigns.as_of_date
