-- What watched customers did in a window and in the past before it: a row for each count that is watched. Only who has
-- enough of a past.
{% set counts = [
    {"signal": "web_falling", "relation": "web", "starts": "web_events", "window_days": 90, "unit": "web_events",
        "observed": "web_events_90d", "past": "web_events_prior_365d"},
    {"signal": "checkout_failing", "relation": "web", "starts": "web_events", "window_days": 90,
        "unit": "failed_checkouts", "observed": "checkout_failed_90d", "past": "checkout_failed_prior_365d",
        "exposure": "web_events_90d", "past_exposure": "web_events_prior_365d"},
    {"signal": "complaints_rising", "relation": "support", "starts": "tickets", "window_days": 90, "unit": "complaints",
        "observed": "complaints_90d", "past": "complaints_prior_365d"},
    {"signal": "points_falling", "relation": "loyalty", "starts": "loyalty", "window_days": 180, "unit": "points_days",
        "observed": "points_days_180d", "past": "points_days_prior_365d", "needs": "loyalty.is_loyalty_member"},
    {"signal": "opens_falling", "relation": "campaigns", "starts": "campaign_responses", "window_days": 180,
        "unit": "opened_messages", "observed": "messages_opened_180d", "past": "messages_opened_prior_730d",
        "exposure": "messages_180d", "past_exposure": "messages_prior_730d",
        "needs": "campaigns.messages_prior_730d >= " ~ var("signal_min_past_messages")},
] %}
with watched_customers as (
    select
        watched.customer_id,
        watched.as_of_date,
        cast(customers.registered_at as date) as registered_on,
        -- The part of the rhythm that the customer is in: attention falls after a trip and rises before the next.
        -- Overdue is no part of its own, or everybody who stays away would count as usual.
        case
            when watched.days_since_last_booking < {{ var("rhythm_min_gap_days") }} then 0
            when watched.overdue_ratio < 0.25 then 1
            when watched.overdue_ratio < 0.5 then 2
            when watched.overdue_ratio < 0.75 then 3
            else 4
        end as rhythm_part
    from {{ part_rows("int_watched_customers") }} as watched
    inner join {{ part_rows("int_customers") }} as customers on watched.customer_id = customers.customer_id
),

known as (
    {% for count in counts -%}
    select
        watched_customers.customer_id,
        watched_customers.as_of_date,
        '{{ count.signal }}' as signal,
        '{{ count.unit }}' as unit,
        {{ count.window_days }} as window_days,
        watched_customers.rhythm_part,
        coalesce({{ count.relation }}.{{ count.observed }}, 0) as observed,
        coalesce({{ count.relation }}.{{ count.past }}, 0) as past,
        {% if count.exposure is defined -%}
        coalesce({{ count.relation }}.{{ count.exposure }}, 0) as exposure,
        coalesce({{ count.relation }}.{{ count.past_exposure }}, 0) as past_exposure,
        {% else -%}
        {{ count.window_days }} as exposure,
        least(
            365,
            {{ days_between(
                "greatest(watched_customers.registered_on, starts." ~ count.starts ~ "_start_on)",
                "watched_customers.as_of_date"
            ) }} - {{ count.window_days }}
        ) as past_exposure,
        {% endif -%}
        {{ days_between(
            "greatest(watched_customers.registered_on, starts." ~ count.starts ~ "_start_on)",
            "watched_customers.as_of_date"
        ) }} - {{ count.window_days }} as past_days
    from watched_customers
    inner join {{ ref("int_source_starts") }} as starts on starts.{{ count.starts }}_start_on is not null
    left join {{ part_rows("int_" ~ {"web": "web", "support": "support", "loyalty": "loyalty", "campaigns": "campaign"}[
        count.relation
    ] ~ "_windows") }} as {{ count.relation }}
        on
            watched_customers.customer_id = {{ count.relation }}.customer_id
            and watched_customers.as_of_date = {{ count.relation }}.as_of_date
    {% if count.needs is defined -%}
    where {{ count.needs }}
    {% endif -%}
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select
    customer_id,
    as_of_date,
    signal,
    unit,
    window_days,
    rhythm_part,
    cast(observed as bigint) as observed,
    cast(past as bigint) as past,
    cast(exposure as bigint) as exposure,
    cast(past_exposure as bigint) as past_exposure
from known
where past_days >= {{ var("signal_min_past_days") }}
