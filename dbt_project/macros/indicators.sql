{#- The indicators of kpi_months. By the relation int_kpi_<name> that holds their parts: name, numerator, denominator,
    sample size, factor, the source it needs (int_source_starts knows since when it delivers), and the reason where
    the source is there but the number is not. -#}
{% macro kpi_indicators() -%}
    {%- set indicators = {
        "closing": [
            ("customers", "customers", "1", "customers", 1, none, "no_cases"),
            ("active_customers", "active_customers", "1", "customers", 1, none, "no_cases"),
            ("repeat_purchase_rate", "repeat_customers", "buyers", "buyers", 1, none, "no_cases"),
            ("referral_rate", "referred_customers", "new_customers", "new_customers", 1, "origins", "no_cases"),
            ("revenue", "revenue", "1", "priced_bookings", 1, "prices", "no_amounts"),
            ("margin", "margin", "1", "margin_bookings", 1, "margins", "no_amounts"),
            ("customer_lifetime_value", "value_lifetime", "valued_buyers", "valued_buyers", 1, "prices", "no_cases"),
            ("satisfaction", "csat_score", "csat_responses", "csat_responses", 1, "surveys", "no_cases"),
            ("servqual_gap", "servqual_gap", "servqual_responses", "servqual_responses", 1, "surveys", "no_cases"),
            ("nps", "nps_promoters - nps_detractors", "nps_responses", "nps_responses", 100, "surveys", "no_cases"),
            ("complaint_rate", "complaining_customers", "current_customers", "current_customers", 1, "tickets", "no_cases"),
            ("first_response_hours", "first_response_hours", "answered_tickets", "answered_tickets", 1, "tickets",
                "no_cases"),
        ],
        "opening": [
            ("churn_rate", "lost_customers", "customers_at_risk", "customers_at_risk", 1, none, "no_cases"),
            ("retention_rate", "customers_at_risk - lost_customers", "customers_at_risk", "customers_at_risk", 1, none,
                "no_cases"),
            ("win_back_rate", "won_back_customers", "lost_at_start", "lost_at_start", 1, none, "no_cases"),
            ("churn_cost", "value_lost", "1", "valued_losses", 1, "prices", "no_amounts"),
            ("churn_rate_severity_light", "begun_light", "customers_at_risk", "customers_at_risk", 1, none, "no_cases"),
            ("churn_rate_severity_moderate", "begun_moderate", "customers_at_risk", "customers_at_risk", 1, none,
                "no_cases"),
            ("churn_rate_severity_severe", "lost_customers", "customers_at_risk", "customers_at_risk", 1, none,
                "no_cases"),
        ],
        "retention": [
            ("retention_period_months", "median_months", "1", "customers", 1, none, "median_not_reached"),
        ],
        "campaigns": [
            ("campaign_response_rate", "responses", "messages", "messages", 1, "campaign_responses", "no_cases"),
            ("campaign_conversion_rate", "conversions", "messages", "messages", 1, "campaigns", "no_cases"),
        ],
    } -%}
    {%- for column, values in churn_breakdowns() -%}
        {%- for value in values -%}
            {%- set name = "churn_rate_" ~ column | replace("tier_before", "value") ~ "_" ~ value -%}
            {%- do indicators["opening"].append(
                (name, "lost_" ~ column ~ "_" ~ value, "customers_at_risk", "customers_at_risk", 1, none, "no_cases")
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(indicators) }}
{%- endmacro %}
