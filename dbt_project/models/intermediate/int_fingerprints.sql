-- What every customer's rows, and the rows that took effect in every month, add up to: two builds that see the same
-- rows find the same numbers. Sums, since they do not depend on the order of rows.
with bookings as (
    select
        bookings.*,
        {{ month_start("bookings.booked_at") }} as booked_in,
        {{ month_start("bookings.cancelled_at") }} as cancelled_in,
        -- A no-show is known where int_cancellation_windows places it: when the trip should have started.
        case
            when bookings.status = 'no_show'
                then {{ month_start(
                    "greatest(coalesce(bookings.travel_start, cast(bookings.booked_at as date)), "
                    ~ "cast(bookings.booked_at as date))"
                ) }}
        end as missed_in,
        reporting.currency as reporting_currency
    from {{ ref("stg_bookings") }} as bookings
    cross join {{ ref("int_reporting_currency") }} as reporting
),

-- What moves the rhythm, and with it what is expected of everybody; the outcome; what else enters a figure; all of it.
-- Completed or still confirmed makes no difference to any figure, so that the status is only part of the last.
booking_parts as (
    select
        customer_id,
        booked_in,
        cancelled_in,
        missed_in,
        {{ fingerprint(["booking_id", "customer_id", "service_line", "booked_at"]) }} as rhythm,
        {{ fingerprint(["booking_id", "customer_id", "status", "cancelled_at"]) }} as outcome,
        {{ fingerprint([
            "booking_id", "customer_id", "service_line", "booked_at", "travel_start", "travel_end", "travellers",
            "gross_amount", "discount_amount", "margin_amount", "currency", "reporting_currency"
        ]) }} as content,
        {{ fingerprint([
            "booking_id", "booked_at", "service_line", "destination", "travel_start", "travel_end", "travellers",
            "channel", "gross_amount", "discount_amount", "margin_amount", "currency", "status", "cancelled_at",
            "reporting_currency"
        ]) }} as whole_row
    from bookings
),

customers as (
    select
        customer_id,
        {{ month_start("registered_at") }} as registered_in,
        {{ fingerprint(["customer_id", "registered_at", "country", "acquisition_channel", "referred_by"]) }} as content,
        {{ fingerprint([
            "registered_at", "birth_year", "gender", "country", "city", "language", "acquisition_channel", "referred_by"
        ]) }} as whole_row
    from {{ ref("stg_customers") }}
),

{% for name, relation, moment, columns in [
    ("web_events", "stg_web_events", "occurred_at", ["event_id", "customer_id", "occurred_at", "event_type"]),
    ("tickets", "stg_support_tickets", "opened_at", [
        "ticket_id", "customer_id", "opened_at", "is_complaint", "category", "first_response_at", "resolved_at",
        "resolution",
    ]),
    ("surveys", "stg_surveys", "responded_at", [
        "response_id", "customer_id", "responded_at", "survey_type", "touchpoint", "score", "expectation_score",
        "perception_score",
    ]),
    ("loyalty", "stg_loyalty_ledger", "occurred_at", [
        "entry_id", "customer_id", "occurred_at", "entry_type", "tier", "points",
    ]),
    ("touches", "stg_campaign_touches", "coalesce(sent_at, assigned_at)", [
        "touch_id", "campaign_id", "customer_id", "assigned_at", "arm", "channel", "sent_at", "opened_at", "clicked_at",
    ]),
    ("consents", "stg_consents", "changed_at", ["account_id", "purpose", "status", "changed_at"]),
] -%}
{{ name }} as (
    select
        customer_id,
        {{ month_start(moment) }} as effect_month,
        {{ fingerprint(columns) }} as whole_row
    from {{ ref(relation) }}
),

{% endfor -%}
-- Every row by the month in which it took effect; a booking that was cancelled or missed, once more then. The number
-- tells sources apart, or a row that left one and came into another could go unseen.
effects as (
    {% set effects = [
        ("booking_parts", "booked_in", "content"),
        ("booking_parts", "cancelled_in", "outcome"),
        ("booking_parts", "missed_in", "outcome"),
        ("customers", "registered_in", "whole_row"),
        ("web_events", "effect_month", "whole_row"),
        ("tickets", "effect_month", "whole_row"),
        ("surveys", "effect_month", "whole_row"),
        ("loyalty", "effect_month", "whole_row"),
        ("touches", "effect_month", "whole_row"),
        ("consents", "effect_month", "whole_row"),
    ] -%}
    {% for name, month, part in effects -%}
    select
        customer_id,
        {{ loop.index }} as source_number,
        {{ "true" if name == "booking_parts" else "false" }} as is_of_bookings,
        sum(case when {{ month }} < {{ next_month_starts_on() }} then {{ part }} end) as settled,
        {% if is_increment() -%}
        sum(case when {{ month }} < {{ increment_starts_on() }} then {{ part }} end) as settled_before,
        {% endif -%}
        sum({{ part }}) as fingerprint
    from {{ name }}
    where {{ month }} is not null
    group by customer_id
    union all
    {% endfor -%}
    -- Of no month: whether a booking is completed shows in the booking alone.
    select
        customer_id,
        0 as source_number,
        true as is_of_bookings,
        cast(null as decimal(38, 0)) as settled,
        {% if is_increment() -%}
        cast(null as decimal(38, 0)) as settled_before,
        {% endif -%}
        sum(whole_row) as fingerprint
    from booking_parts
    group by customer_id
),

of_months as (
    {% set months = [
        ("everybody", "booking_parts", "booked_in", "rhythm"),
        ("everybody", "booking_parts", "cancelled_in", "outcome"),
        ("figures", "booking_parts", "booked_in", "content"),
        ("figures", "booking_parts", "missed_in", "outcome"),
        ("figures", "customers", "registered_in", "content"),
        ("figures", "tickets", "effect_month", "whole_row"),
        ("figures", "surveys", "effect_month", "whole_row"),
        ("figures", "touches", "effect_month", "whole_row"),
        ("signals", "web_events", "effect_month", "whole_row"),
        ("signals", "loyalty", "effect_month", "whole_row"),
        ("signals", "consents", "effect_month", "whole_row"),
    ] -%}
    {% for kind, name, month, part in months -%}
    select
        '{{ kind }}' as kind,
        {{ month }} as month,
        {{ loop.index }} as source_number,
        sum({{ part }}) as fingerprint
    from {{ name }}
    where {{ month }} is not null
    group by {{ month }}
    union all
    {% endfor -%}
    select
        'everybody' as kind,
        month,
        0 as source_number,
        sum({{ fingerprint(["month", "region", "own_price_index", "competitor_price_index"]) }}) as fingerprint
    from {{ ref("stg_market") }}
    group by month
)

select
    'customer' as kind,
    customer_id,
    cast(null as date) as month,
    cast(sum({{ fingerprint(["source_number", "fingerprint"]) }}) as decimal(38, 0)) as fingerprint,
    cast(
        sum(case when is_of_bookings then {{ fingerprint(["source_number", "fingerprint"]) }} end) as decimal(38, 0)
    ) as booking_fingerprint,
    cast(
        sum(case when settled is not null then {{ fingerprint(["source_number", "settled"]) }} end) as decimal(38, 0)
    ) as settled_fingerprint,
    {% if is_increment() -%}
    cast(
        sum(case when settled_before is not null then {{ fingerprint(["source_number", "settled_before"]) }} end)
        as decimal(38, 0)
    )
    {%- else -%} cast(null as decimal(38, 0))
    {%- endif %} as settled_before_fingerprint
from effects
group by customer_id
union all
select
    kind,
    cast(null as varchar) as customer_id,
    month,
    cast(sum({{ fingerprint(["source_number", "fingerprint"]) }}) as decimal(38, 0)) as fingerprint,
    cast(null as decimal(38, 0)) as booking_fingerprint,
    cast(null as decimal(38, 0)) as settled_fingerprint,
    cast(null as decimal(38, 0)) as settled_before_fingerprint
from of_months
group by kind, month
