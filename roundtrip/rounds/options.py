"""What could be done for whom: every customer and allowed action, with its cost and expected worth."""

from dataclasses import dataclass, field
from datetime import date

import duckdb
import pandas as pd

from roundtrip.home import Home
from roundtrip.products import newest, rows_of
from roundtrip.rounds import people
from roundtrip.rounds.people import has_table
from roundtrip.rounds.settings import Retention, parameters
from roundtrip.strategies import Strategies, evidence
from roundtrip.strategies.candidates import fitting_sql, known_sql
from roundtrip.verdicts import HARMS

_UPLIFTS = {
    "customer_id": "string",
    "action": "string",
    "effect_on_return": "double",
    "effect_on_return_se": "double",
    "effect_on_value": "double",
    "effect_on_value_se": "double",
    "evidence": "string",
}


@dataclass
class Options:
    """
    Attributes:
        rows: one row a customer, action and channel, sorted by customer and preference: customer_id,
            strategy_id, action, channel, is_first (of the customer's channels for it), cost, due_on, the
            columns of the uplift product, net_value (margin less cost, NULL without evidence), expected_kept
            (probability that the customer stays because of it), worth (net_value and what a kept customer is
            worth to the company: what plans are made for), ceiling (the highest worth that is plausible, NULL
            where nothing is known), value_tier, risk_band, need_segment, churn_cause, warning_id,
            churn_probability.
        left_out: reason -> customers (or -> actions without a cost) that are not in it.
        resting: actions that were measured to do harm, with the need segment (None: everybody's).
        has_consents: whether the company has delivered answers about channels.
        uplifts_of: the date of the uplift product; None: there is none.
        currency: of all money.
    """

    rows: pd.DataFrame
    left_out: dict[str, int] = field(default_factory=dict)
    without_cost: list[str] = field(default_factory=list)
    resting: list[dict] = field(default_factory=list)
    has_consents: bool = True
    uplifts_of: str | None = None
    currency: str | None = None
    warned: int = 0


def options(
    connection: duckdb.DuckDBPyConnection, home: Home, as_of: date, retention: Retention, table: Strategies
) -> Options:
    """Everything that may be done on a date; `assignments` must be prepared.

    Effects and limits are those known on the date. An action that was measured to do harm is left out. So is
    everybody who withdrew profiling, is an agency or office, rests, has had the most contacts there may be,
    or has no open channel.
    """
    people.prepare(connection, home, as_of)
    has_consents = people.open_channels(connection, home, retention)
    (currency,) = connection.execute("SELECT reporting_currency FROM marts.warehouse_info").fetchone()
    _contacts(connection, as_of)
    without_cost = _strategies(connection, table, currency)
    evidence.prepare(connection, home, as_of)
    uplifts = newest(home, "action_uplifts", as_of)
    _mark(connection, as_of, retention, table)
    rows = connection.execute(
        _OPTIONS.format(uplifts=rows_of(uplifts, _UPLIFTS)),
        {
            "as_of": as_of,
            "z": parameters()["plausible_z"],
            "kept_value": float(retention.kept_customer_value),
            "limited": list(retention.channel_capacity),
        },
    ).df()
    left_out = dict(
        connection.execute(
            "SELECT reason, count(*) FROM marked_people WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
    )
    (unreached,) = connection.execute(
        "SELECT count(DISTINCT customer_id) FROM fitted WHERE customer_id NOT IN "
        "(SELECT customer_id FROM fitted JOIN strategy_channels USING (strategy_id) "
        "JOIN open_channels USING (customer_id, channel))"
    ).fetchone()
    if unreached:
        left_out["no_open_channel"] = unreached
    (warned,) = connection.execute("SELECT count(*) FROM people WHERE warning_id IS NOT NULL").fetchone()
    return Options(
        rows,
        left_out=left_out,
        without_cost=without_cost,
        resting=evidence.resting(connection),
        has_consents=has_consents,
        uplifts_of=uplifts.stem if uplifts else None,
        currency=currency,
        warned=warned,
    )


_OPTIONS = """
    WITH reachable AS (
        SELECT fitted.*, channels.channel,
            row_number() OVER (
                PARTITION BY fitted.customer_id, fitted.action ORDER BY fitted.preference, channels.place
            ) AS place_of_all,
            NOT list_contains($limited, channels.channel) AS is_unlimited
        FROM fitted
        JOIN strategy_channels AS channels USING (strategy_id)
        JOIN open_channels USING (customer_id, channel)
    ), kept AS (
        -- The first choice, and where its places are few the first one whose are not.
        SELECT *, place_of_all = 1 AS is_first FROM reachable
        QUALIFY place_of_all = 1 OR place_of_all = min(CASE WHEN is_unlimited THEN place_of_all END) OVER (
            PARTITION BY customer_id, action
        )
    )
    SELECT
        kept.customer_id, kept.strategy_id, kept.action, kept.channel, kept.is_first, kept.per_round,
        kept.unit_cost AS cost,
        least(warning_due_on, $as_of + due_in_days::INTEGER) AS due_on,
        effect_on_return, effect_on_return_se, effect_on_value, effect_on_value_se,
        coalesce(evidence, 'none') AS evidence,
        CASE WHEN evidence = 'randomised' THEN effect_on_value - cost END AS net_value,
        -- Who comes back because of an action is kept as far as they would have left without it; without a
        -- score somebody counts as staying anyhow.
        effect_on_return * coalesce(churn_probability, 0) AS expected_kept,
        net_value + $kept_value * coalesce(expected_kept, 0) AS worth,
        effect_on_value + $kept_value * coalesce(expected_kept, 0) - cost + $z * sqrt(
            effect_on_value_se ** 2
            + ($kept_value * coalesce(effect_on_return_se * churn_probability, 0)) ** 2
        ) AS ceiling,
        coalesce(value_tier, 'unknown') AS value_tier, risk_band, need_segment,
        coalesce(churn_cause, 'unknown') AS churn_cause, warning_id, churn_probability
    FROM kept
    JOIN people USING (customer_id)
    LEFT JOIN {uplifts} AS uplifts USING (customer_id, action)
    ORDER BY kept.customer_id, kept.preference, kept.place_of_all
"""


def _contacts(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Make `contacts`: customer_id, contacts (in the window), last_on; own rounds and other campaigns.

    A control counts like somebody treated: else those held out would be free for the next round when the
    others rest, and the arms would no longer differ by the action alone.
    """
    touches = (
        "SELECT customer_id, assigned_at::DATE AS contacted_on FROM marts.fct_campaign_touches "
        "WHERE campaign_id IS NULL OR campaign_id NOT IN (SELECT DISTINCT campaign_id FROM assignments)"
        if has_table(connection, "fct_campaign_touches")
        else "SELECT NULL::VARCHAR AS customer_id, NULL::DATE AS contacted_on WHERE false"
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE contacts AS
        SELECT customer_id, count(*) AS contacts, max(contacted_on) AS last_on
        FROM (
            {touches} UNION ALL
            SELECT customer_id, decided_at::DATE FROM assignments WHERE status <> 'refused'
        )
        WHERE contacted_on > $as_of - $days AND contacted_on <= $as_of GROUP BY customer_id
        """,
        {"as_of": as_of, "days": parameters()["window_days"]},
    )


def _strategies(connection: duckdb.DuckDBPyConnection, table: Strategies, currency: str | None) -> list[str]:
    """Make `strategies` and `strategy_channels`; actions that cannot be planned: no cost is known."""
    last_costs = {}
    if has_table(connection, "fct_campaign_touches"):
        last_costs = dict(
            connection.execute(
                "SELECT action, arg_max(unit_cost, assigned_at)::DOUBLE FROM marts.fct_campaign_touches "
                "WHERE unit_cost IS NOT NULL GROUP BY 1"
            ).fetchall()
        )
    own = table.currency == currency
    costs = [
        row.unit_cost if own and row.unit_cost is not None else last_costs.get(row.action)
        for row in table.rows
    ]
    connection.register(
        "given_strategies",
        pd.DataFrame(
            {
                "strategy_id": [row.id for row in table.rows],
                "unit_cost": pd.Series(costs, dtype=float),
                "due_in_days": [row.due_in_days for row in table.rows],
                "without_warning": [row.without_warning for row in table.rows],
                "per_customer_a_year": [
                    float(row.limits.get("per_customer_a_year", "inf")) for row in table.rows
                ],
                "per_round": [float(row.limits.get("per_round", "inf")) for row in table.rows],
                "min_value_12m": [float(row.limits.get("min_value_12m", "-inf")) for row in table.rows],
            }
        ),
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE strategies AS FROM given_strategies")
    places = [(row.id, channel, place) for row in table.rows for place, channel in enumerate(row.channels)]
    connection.register("given_channels", pd.DataFrame(places, columns=["strategy_id", "channel", "place"]))
    connection.execute("CREATE OR REPLACE TEMP TABLE strategy_channels AS FROM given_channels")
    known = {row.action for row, cost in zip(table.rows, costs, strict=True) if cost is not None}
    return sorted({row.action for row in table.rows} - known)


def _mark(
    connection: duckdb.DuckDBPyConnection, as_of: date, retention: Retention, table: Strategies
) -> None:
    """Make `marked_people` (with the reason why somebody is left out) and `fitted`: who, which strategy."""
    columns = {row[0] for row in connection.execute("DESCRIBE people").fetchall()}
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE marked_people AS
        SELECT people.*,
            CASE WHEN NOT is_allowed THEN 'profiling_withdrawn'
                WHEN is_high_volume THEN 'high_volume'
                WHEN contacts.last_on > $as_of - $rest_days THEN 'resting'
                WHEN contacts.contacts >= $most THEN 'too_many_contacts' END AS reason
        FROM people LEFT JOIN contacts USING (customer_id)
        """,
        {"as_of": as_of, "rest_days": retention.rest_days, "most": retention.max_contacts_90d},
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE fitted AS
        WITH known AS ({known_sql("(FROM marked_people WHERE reason IS NULL)", columns)}),
        fitting AS ({fitting_sql("known", table)}),
        had AS (
            SELECT customer_id, strategy_id, count(*) AS times FROM assignments
            WHERE status <> 'refused' AND decided_at::DATE > $as_of - $year GROUP BY ALL
        )
        SELECT fitting.*, strategies.unit_cost, strategies.due_in_days, strategies.per_round
        FROM fitting
        JOIN strategies USING (strategy_id)
        JOIN people USING (customer_id)
        LEFT JOIN had USING (customer_id, strategy_id)
        WHERE strategies.unit_cost IS NOT NULL
            AND (strategies.without_warning OR people.warning_id IS NOT NULL)
            AND coalesce(had.times, 0) < strategies.per_customer_a_year
            AND coalesce(people.value_12m, 0) >= strategies.min_value_12m
            AND NOT EXISTS (
                SELECT 1 FROM action_evidence AS evidence
                WHERE evidence.action = fitting.action AND evidence.verdict = $harms
                    AND (evidence.need_segment IS NULL OR evidence.need_segment = people.need_segment)
            )
        """,
        {"as_of": as_of, "year": parameters()["year_days"], "harms": HARMS},
    )
