"""A published warehouse made by hand, with the columns the report reads, for its tests.

Numbers are simple functions of the month, so that a test can say what must stand in the report.
"""

import json
from datetime import date

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.home import Home

AS_OF = date(2025, 11, 30)
FIRST_MONTH = date(2023, 1, 31)

_MONTHS = "SELECT last_day(unnest(generate_series($first, $as_of, INTERVAL 1 MONTH))::DATE) AS month"


def publish_by_hand(
    home: Home,
    as_of: date = AS_OF,
    first_month: date = FIRST_MONTH,
    has_prices: bool = True,
    has_optional: bool = True,
    has_scores: bool = True,
    has_model: bool = True,
    model_status: str = "champion",
    is_empty: bool = False,
    plan_starts_on: str | None = "2025-05-01",
    all_tables: bool = False,
    has_actions: bool = True,
    names_months_by_first_day: bool = False,
) -> None:
    """Write company.json, published/current.duckdb and mlflow/champion.json into a home."""
    settings = {"plan_starts_on": plan_starts_on} if plan_starts_on else {}
    Company("Meridian Travel & Tours", landing=".", settings=settings).save(home)
    home.current_db.unlink(missing_ok=True)
    connection = duck.connect(home.current_db, home.tmp_dir)
    run = connection.execute
    run("CREATE SCHEMA marts")
    run(
        "CREATE TABLE marts.warehouse_info AS "
        "SELECT $as_of::DATE AS as_of_date, $currency AS reporting_currency, "
        "$first::DATE AS data_starts_on, $as_of::DATE AS data_ends_on, $prices AS has_prices, "
        "$optional AS has_surveys, $optional AS has_tickets, $optional AS has_web_events, "
        "$optional AS has_loyalty, CASE WHEN $optional THEN 0 ELSE 1234 END AS bookings_in_other_currencies, "
        "180 AS label_horizon_min_days, 365 AS label_horizon_max_days",
        {
            "as_of": as_of,
            "first": first_month,
            "currency": "CNY" if has_prices else None,
            "prices": has_prices,
            "optional": has_optional,
        },
    )
    run(
        f"""
        CREATE TABLE marts.fct_customer_months AS
        WITH months AS ({_MONTHS}),
        customers AS (SELECT unnest(generate_series(1, 400)) AS n)
        SELECT
            'c' || lpad(n::VARCHAR, 5, '0') AS customer_id,
            month AS as_of_date,
            CASE
                WHEN n % 20 = 0 THEN 'prospect'
                WHEN (n * 7 + datediff('month', $first, month)) % 100
                    < 8 + datediff('month', $first, month) // 2 THEN 'lost'
                WHEN n % 7 = 0 THEN 'decline'
                WHEN n % 5 = 0 THEN 'introduction'
                WHEN n % 3 = 0 THEN 'growth'
                ELSE 'maturity'
            END AS lifecycle_stage,
            CASE
                WHEN lifecycle_stage = 'lost' THEN 'severe'
                WHEN n % 7 = 0 THEN 'moderate'
                WHEN n % 11 = 0 THEN 'light'
                ELSE 'none'
            END AS churn_severity,
            -- Every third customer changes segment each January.
            CASE WHEN lifecycle_stage <> 'prospect' THEN [
                'basic', 'high_value', 'loyal', 'potential_growth', 'emerging_market', 'price_sensitive'
            ][1 + (n + CASE WHEN n % 3 = 0 THEN year(month) ELSE 0 END) % 6] END AS need_segment,
            CASE WHEN $prices THEN 100.0 * (n % 50) END AS value_12m
        FROM months
        JOIN customers ON n <= 150 + 10 * datediff('month', $first, month)
        """,
        {"first": first_month, "as_of": as_of, "prices": has_prices},
    )
    run(
        f"""
        CREATE TABLE marts.kpi_months AS
        WITH months AS (SELECT month, datediff('month', $first, month) AS i FROM ({_MONTHS})),
        base AS (
            SELECT month, 400 + 12 * i AS customers, 300 + 6 * i AS could_leave,
                8 - i // 8 + CASE WHEN month(month) IN (1, 2, 11) THEN 4 ELSE 0 END AS left_in_month
            FROM months
        ),
        rows AS (
            SELECT month, 'customers' AS indicator, customers AS numerator, 1 AS denominator,
                customers AS value, customers AS sample_size FROM base
            UNION ALL
            SELECT month, 'active_customers', could_leave - 60, 1, could_leave - 60, customers FROM base
            UNION ALL
            SELECT month, 'churn_rate', left_in_month, could_leave, left_in_month / could_leave, could_leave
            FROM base
            UNION ALL
            SELECT month, 'retention_rate', could_leave - left_in_month, could_leave,
                1 - left_in_month / could_leave, could_leave FROM base
            UNION ALL
            SELECT month, 'repeat_purchase_rate', could_leave // 2, could_leave,
                (could_leave // 2) / could_leave, could_leave FROM base
            UNION ALL
            SELECT month, 'revenue', revenue, 1, revenue, CASE WHEN revenue > 0 THEN could_leave ELSE 0 END
            FROM (SELECT *, CASE WHEN $prices THEN 1000.0 * could_leave END AS revenue FROM base)
            UNION ALL
            SELECT month, 'margin', 120.0 * could_leave, 1, CASE WHEN $prices THEN 120.0 * could_leave END,
                could_leave FROM base
            UNION ALL
            SELECT month, 'churn_cost', 90.0 * could_leave, 1, CASE WHEN $prices THEN 90.0 * could_leave END,
                could_leave FROM base
            UNION ALL
            SELECT month, 'satisfaction', 4.0 * 80, 80, CASE WHEN $optional THEN 4.0 END, 80 FROM base
        )
        SELECT month, 'all' AS segment_kind, 'all' AS segment, indicator, numerator::DOUBLE AS numerator,
            denominator::DOUBLE AS denominator, value::DOUBLE AS value, sample_size::BIGINT AS sample_size
        FROM rows
        WHERE NOT $is_empty
        UNION ALL
        SELECT $as_of, 'country', 'CN', 'churn_rate', 99, 100, 0.99, 100
        UNION ALL
        -- In two months 2 of 50 and 10 of 100 loyal ones were lost; of those answering, 10 said 3, 30 said 5.
        SELECT * FROM (VALUES
            ($as_of, 'need_segment', 'loyal', 'churn_rate', 2, 50, 0.04, 50),
            (last_day($as_of - INTERVAL 1 MONTH), 'need_segment', 'loyal', 'churn_rate', 10, 100, 0.1, 100),
            (last_day($as_of - INTERVAL 12 MONTH), 'need_segment', 'loyal', 'churn_rate', 99, 100, 0.99, 100),
            ($as_of, 'need_segment', 'loyal', 'satisfaction', 30, 10, 3.0, 10),
            (last_day($as_of - INTERVAL 1 MONTH), 'need_segment', 'loyal', 'satisfaction', 150, 30, 5.0, 30)
        ) AS loyal(month, kind, segment, indicator, numerator, denominator, value, sample_size)
        WHERE NOT $is_empty AND ($optional OR indicator <> 'satisfaction')
        """,
        {
            "first": first_month,
            "as_of": as_of,
            "prices": has_prices,
            "optional": has_optional,
            "is_empty": is_empty,
        },
    )
    run(
        """
        CREATE TABLE marts.kpi_gaps AS
        SELECT date_trunc('month', $as_of) AS month, 'all' AS segment_kind, 'all' AS segment,
            indicator, reason
        FROM (
            SELECT unnest([
                'active_customers', 'churn_rate', 'churn_rate_severity_light', 'complaint_rate', 'customers',
                'first_response_hours', 'nps', 'repeat_purchase_rate', 'retention_rate', 'revenue',
                'satisfaction', 'servqual_gap', 'win_back_rate'
            ]) AS indicator, 'no_cases' AS reason
            UNION ALL VALUES
                ('margin', 'no_margins'), ('referral_rate', 'no_origins'), ('churn_cost', 'no_amounts'),
                ('campaign_conversion_rate', 'no_campaigns'), ('customer_lifetime_value', 'no_prices'),
                ('campaign_response_rate', 'no_campaign_responses'),
                ('retention_period_months', 'median_not_reached'), ('customer_lifetime_value', 'no_amounts')
        )
        WHERE NOT $optional
        """,
        {"as_of": as_of, "optional": has_optional},
    )
    if names_months_by_first_day:
        run("UPDATE marts.kpi_months SET month = date_trunc('month', month)")
    run(
        "CREATE TABLE marts.dim_customers AS "
        "SELECT customer_id, lifecycle_stage, need_segment FROM marts.fct_customer_months "
        "WHERE as_of_date = $as_of",
        {"as_of": as_of},
    )
    run(
        """
        CREATE TABLE marts.fct_customer_activity AS
        SELECT
            customer_id,
            as_of_date,
            lifecycle_stage <> 'prospect' AS is_at_risk,
            CASE WHEN hash(customer_id, as_of_date) % 40 = 0 THEN 'severe' END AS churn_severity_begun,
            false AS was_lost,
            false AS is_won_back,
            true AS is_current,
            false AS has_complained,
            CASE WHEN hash(customer_id, as_of_date, 1) % 5 = 0 AND $optional THEN 4.0 END AS csat_score,
            CASE WHEN csat_score IS NOT NULL THEN 1 ELSE 0 END AS csat_responses,
            CASE WHEN $prices THEN 800.0 + hash(customer_id) % 400 END AS net_value,
            net_value * 0.12 AS margin_value
        FROM marts.fct_customer_months
        """,
        {"prices": has_prices, "optional": has_optional},
    )
    run(
        "CREATE TABLE marts.fct_bookings AS "
        "SELECT 'b1' AS booking_id, $as_of::TIMESTAMP AS booked_at, 'web' AS channel",
        {"as_of": as_of},
    )
    run(
        """
        CREATE TABLE marts.fct_lifecycle_changes AS
        SELECT customer_id, as_of_date AS changed_on, before AS from_stage, lifecycle_stage AS to_stage
        FROM (
            SELECT *, lag(lifecycle_stage) OVER (PARTITION BY customer_id ORDER BY as_of_date) AS before
            FROM marts.fct_customer_months
        ) WHERE before <> lifecycle_stage AND NOT $is_empty
        """,
        {"is_empty": is_empty},
    )
    run(
        """
        CREATE TABLE marts.quality_runs AS
        SELECT * FROM (VALUES
            ('20251031-a1', 'customers', 500, 490, 10, 0, 6, 1),
            ('20251130-b2', 'customers', 50, 30, 0, 20, 6, 0),
            ('20251130-b2', 'bookings', 4000, 3950, 50, 0, 9, 2), ('20251130-b2', 'market', 0, 0, 0, 0, 2, 0)
        ) AS rows(
            run_id, table_name,
            rows_in, rows_loaded, rows_quarantined, rows_superseded, checks, failed_checks
        )
        """
    )
    if is_empty:
        run("DELETE FROM marts.fct_customer_months")
        run("DELETE FROM marts.quality_runs")
    if has_scores:
        _scores(connection, as_of, has_prices)
    if all_tables:
        run("CREATE TABLE marts.fct_churn AS SELECT 'c00001' AS customer_id, 'price' AS cause")
        _actions(connection, as_of, has_prices, has_actions)
        run(
            """
            CREATE TABLE marts.model_monitoring AS
            SELECT $as_of::DATE - days AS as_of_date, kind, 'subject' AS subject, 'measure' AS measure,
                0.4 AS value, 0.25 AS threshold, state
            FROM (VALUES
                (0, 'performance', 'alarm'), (0, 'population', 'alarm'), (0, 'population', 'ok'),
                (9, 'challenger', 'alarm')
            ) AS looks(days, kind, state)
            WHERE $has_actions
            """,
            {"as_of": as_of, "has_actions": has_actions},
        )
        for table in ("rollout_kpis", "rollout_tasks", "rollout_risks"):
            run(f"CREATE TABLE marts.{table} (id VARCHAR)")
    connection.close()
    if has_model:
        card = {
            "model_version": "7",
            "trained_as_of": "2025-11-30",
            "test_auc": 0.7412,
            "test_auc_ci": [0.7131, 0.7688],
            "base_rate": 0.214,
            "top_decile_lift": 2.61,
            "brier": 0.1432,
            "baseline_auc": 0.6893,
            "status": "champion",
            "note": "Beats the inactivity rule on every later month that was held back.",
            "note_zh": "在每个留出的月份都优于不活跃规则。",
        }
        if model_status != "champion":
            card = {"status": model_status, "note": "at least 500 labelled customers (there are 12)"}
        home.mlflow_dir.mkdir(parents=True, exist_ok=True)
        (home.mlflow_dir / "champion.json").write_text(json.dumps(card), encoding="utf-8")


def _actions(connection, as_of: date, has_prices: bool, has_rows: bool) -> None:
    """Warnings of every cause, rounds in every state, and an effect of every action; or the tables, empty."""
    connection.execute(
        """
        CREATE TABLE marts.warnings AS
        SELECT 'w' || n AS warning_id, 'c' || lpad(n::VARCHAR, 5, '0') AS customer_id,
            causes[1 + n % 5] AS cause, 1 + n % 3 AS severity,
            CASE WHEN n % 2 = 0 THEN 'care_call_for_valued' ELSE 'a_strategy_of_before' END AS strategy_id,
            $as_of::DATE + CASE WHEN n <= 3 THEN -2 ELSE 5 END AS due_on,
            CASE WHEN n % 4 > 0 THEN 'email' END AS channel,
            CASE WHEN $prices THEN 100.0 * n END AS value_at_risk,
            CASE WHEN n > 20 THEN 'expired' ELSE 'open' END AS status
        FROM range(1, 31) AS numbers(n),
            (SELECT ['service_quality', 'price', 'competition', 'need_change', 'unknown'] AS causes)
        WHERE $has_rows
        """,
        {"prices": has_prices, "has_rows": has_rows, "as_of": as_of},
    )
    connection.execute(
        """
        CREATE TABLE marts.interventions AS
        SELECT 'R-2025-0' || round || '-30' AS round_id, $as_of::TIMESTAMP AS decided_at,
            CASE WHEN n % 5 = 0 THEN 'control' ELSE 'treatment' END AS arm,
            ['sent', 'approved', 'proposed', 'refused'][round] AS status,
            CASE WHEN n % 5 = 0 THEN 0.0 ELSE 12.0 END AS cost, 40.0 AS expected_net_value
        FROM range(1, 5) AS rounds(round), range(100) AS numbers(n) WHERE $has_rows
        """,
        {"as_of": as_of, "has_rows": has_rows},
    )
    connection.execute(
        """
        CREATE TABLE marts.campaign_effects AS
        SELECT 'all' AS campaign_id, action, 'all' AS segment_kind, 'return' AS outcome, 90 AS window_days,
            effect, effect - 0.02 AS ci_low, effect + 0.02 AS ci_high, 800 AS n_treatment, 200 AS n_control,
            NULL::DOUBLE AS cost, NULL::DOUBLE AS net_value, NULL::DOUBLE AS net_value_low,
            NULL::DOUBLE AS net_value_high,
            CASE WHEN effect > 0.02 THEN 'helps' WHEN effect < -0.02 THEN 'harms' ELSE 'open' END AS verdict
        FROM (VALUES ('all', 0.03), ('discount', 0.05), ('points_bonus', 0.01), ('upgrade', -0.04),
            ('service_recovery', 0.06), ('care_call', 0.025), ('content', 0.0)) AS told(action, effect)
        WHERE $has_rows
        UNION ALL
        SELECT campaign, action, 'all', 'margin', 90, 5.0, 1.0, 9.0, 400, 100, cost, 4000 - cost, 400 - cost,
            7600 - cost, 'helps'
        FROM (VALUES ('rounds', 'discount', 5000.0), ('rounds', 'content', 80.0), ('all', 'upgrade', 99.0),
            ('rounds', 'care_call', NULL)) AS told(campaign, action, cost)
        WHERE $has_rows AND $prices
        """,
        {"has_rows": has_rows, "prices": has_prices},
    )


def _scores(connection, as_of: date, has_prices: bool) -> None:
    connection.execute(
        """
        CREATE TABLE marts.customer_scores AS
        WITH numbered AS (
            SELECT *, row_number() OVER (ORDER BY customer_id) AS n FROM marts.dim_customers
        ),
        scored AS (
            SELECT *,
                CASE WHEN lifecycle_stage NOT IN ('prospect', 'lost')
                    THEN round(power((n * 37 % 101) / 104.0, 1.8) + 0.01, 4) END AS churn_probability
            FROM numbered
        )
        SELECT customer_id, $as_of::DATE AS as_of_date, churn_probability,
            CASE WHEN churn_probability IS NULL THEN 'not_applicable'
                WHEN churn_probability >= 0.5 THEN 'high'
                WHEN churn_probability >= 0.2 THEN 'medium' ELSE 'low' END AS risk_band,
            0.3 + n % 9 / 4 AS expected_bookings,
            CASE WHEN $prices THEN 900.0 + n % 13 * 410 END AS lifetime_value,
            'Silent for 2.4 times the usual gap' AS reason_1,
            CASE WHEN n % 2 = 0 THEN 'A complaint in the last year is unresolved' END AS reason_2,
            NULL::VARCHAR AS reason_3,
            '沉默时间为通常间隔的 2.4 倍' AS reason_1_zh,
            CASE WHEN n % 2 = 0 THEN '近一年有未解决的投诉' END AS reason_2_zh,
            NULL::VARCHAR AS reason_3_zh,
            '7' AS model_version
        FROM scored
        """,
        {"as_of": as_of, "prices": has_prices},
    )
