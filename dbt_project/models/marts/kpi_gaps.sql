{{ config(
    materialized="incremental",
    incremental_strategy="replace_months",
    unique_key=["month", "segment_kind", "segment", "indicator"]
) }}

{% set explanations = {
    "no_origins": "neither an acquisition channel nor a referrer had been delivered by then",
    "no_prices": "no price had been delivered by then",
    "no_margins": "no margin had been delivered by then",
    "no_surveys": "no survey answer had been delivered by then",
    "no_tickets": "no ticket had been delivered by then",
    "no_campaigns": "no campaign message had been delivered by then",
    "no_campaign_responses": "no opening and no click had been delivered by then",
    "no_cases": "nobody and nothing to measure in this segment and month",
    "no_amounts": "there are cases, but none with an amount in the reporting currency or with a rate to it",
    "median_not_reached": "more than half of the customers were still there when last seen",
} %}
select
    {{ month_start("as_of_date") }} as month,
    segment_kind,
    segment,
    indicator,
    reason,
    case reason
        {% for reason, explanation in explanations.items() -%}
        when '{{ reason }}' then '{{ explanation }}'
        {% endfor -%}
    end as explanation
from {{ ref("int_kpi_values") }}
where reason is not null and {{ is_due_month("as_of_date") }}
