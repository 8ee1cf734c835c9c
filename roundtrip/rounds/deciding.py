"""Stage `decide`: the plan of a round, where one is due, and the state of all rounds."""

from datetime import date, timedelta

import duckdb

from roundtrip.home import Home
from roundtrip.rounds import assignments, store
from roundtrip.rounds.choose import choose
from roundtrip.rounds.decision import approve_by_itself
from roundtrip.rounds.options import options
from roundtrip.rounds.people import open_warehouse
from roundtrip.rounds.plan import assigned, told, write_round
from roundtrip.rounds.settings import Retention, parameters
from roundtrip.rounds.words import nothing_planned
from roundtrip.strategies import of_company


def decide(home: Home, as_of: date) -> dict:
    """Plan a round for a date, if one is due, and write the product `interventions`.

    Reads the published warehouse of that date, `products/warnings` and `products/action_uplifts`, the
    strategies and what became of earlier rounds. A plan that was written is never changed: called again, the
    stage only looks at what has become of it.

    Returns:
        round_id (None: none was planned), planned (whether this call did), state, the plan's headline
        numbers, nothing_planned (why, by language), waiting (ids), interventions (rows written).

    Raises:
        BadInput: the published warehouse is of another date, or a setting or the strategies cannot be used.
    """
    retention = Retention.of_home(home)
    summary: dict = {"round_id": store.round_of(home, as_of), "planned": False}
    with open_warehouse(home, as_of) as connection:
        if summary["round_id"] is None:
            nothing = _not_due(home, as_of, retention) or _plan(connection, home, as_of, retention)
            summary |= {"nothing_planned": nothing} if nothing else {"planned": True}
            summary["round_id"] = store.round_of(home, as_of)
        if summary["round_id"]:
            found = store.round_named(home, summary["round_id"])
            approve_by_itself(found)
            headline = (
                "cost", "budget", "treatment", "control", "explored", "expected_gain", "expected_kept", "mde",
            )  # fmt: skip
            # A plan of an earlier release lacks what was added since.
            summary |= {name: found.plan.get(name) for name in headline}
            summary |= {"state": found.state, "gap": found.plan["solution"]["gap"]}
        assignments.prepare(connection, home, as_of)
        summary["interventions"] = assignments.write(connection, home, as_of)
    return summary | {"waiting": store.waiting(home)}


def _not_due(home: Home, as_of: date, retention: Retention) -> dict[str, str] | None:
    """Why no round is planned, before anything is looked at; None: one is due."""
    if retention.budget_per_round is None:
        return nothing_planned("no_budget")
    if retention.budget_per_round == 0:
        return nothing_planned("zero_budget")
    planned = [each.as_of for each in store.rounds(home)]
    if later := [day for day in planned if day > as_of]:
        return nothing_planned("later", last=max(later))
    if planned and (due := planned[-1] + timedelta(days=retention.every_days)) > as_of:
        return nothing_planned("not_due", last=planned[-1], next=due)
    return None


def _plan(
    connection: duckdb.DuckDBPyConnection, home: Home, as_of: date, retention: Retention
) -> dict[str, str] | None:
    """Write a round; else say why there is none."""
    round_id = f"R-{as_of}"
    table = of_company(home, as_of)
    assignments.prepare(connection, home, as_of)
    found = options(connection, home, as_of, retention, table)
    if found.rows.empty:
        return nothing_planned("nobody")
    choice = choose(found.rows, retention, round_id)
    if choice.rows.empty:
        return nothing_planned("nothing_pays", candidates=f"{found.rows['customer_id'].nunique():,}")
    rows = assigned(choice, round_id, as_of)
    base_rate = _base_rate(connection, as_of)
    write_round(home, round_id, rows, told(rows, choice, found, retention, table, round_id, base_rate))
    return None


def _base_rate(connection: duckdb.DuckDBPyConnection, as_of: date) -> float | None:
    """Share of the customers of one window ago, neither prospects nor lost, who have booked since."""
    (share,) = connection.execute(
        """
        WITH before AS (
            SELECT customer_id FROM marts.fct_customer_months
            WHERE lifecycle_stage NOT IN ('prospect', 'lost') AND as_of_date = (
                SELECT max(as_of_date) FROM marts.fct_customer_months WHERE as_of_date <= $as_of - $days
            )
        )
        SELECT avg(CAST(customer_id IN (
            SELECT customer_id FROM marts.fct_bookings
            WHERE booked_at::DATE > $as_of - $days
        ) AS INTEGER)) FROM before
        """,
        {"as_of": as_of, "days": parameters()["window_days"]},
    ).fetchone()
    return share
