"""What the simulated world allows: churn where everybody is approached, whatever it costs.

A plan under a budget cannot be asked for more than this. The same company lives twelve months untouched and,
with the same dice, with an action to every customer once a quarter; consent, places and money do not count.
"""

import tempfile
from datetime import date
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from roundtrip.company import Company
from roundtrip.simulate import live_on, simulate
from roundtrip.simulate.loop import compare, twin

CUSTOMERS, HISTORY, MONTHS, SEED = 4_000, 36, 12, 304
EVERY_MONTHS = 3
#: Each alone, then all together, a month apart from each other.
PLANS = (
    ("care_call",),
    ("points_bonus",),
    ("discount",),
    ("care_call", "points_bonus", "upgrade", "service_recovery"),
)


def main(
    console: Console,
    customers: int = CUSTOMERS,
    history: int = HISTORY,
    seed: int = SEED,
    config: Path | None = None,
) -> None:
    """Live the company once untouched and once with each plan; print the table.

    Args:
        config: a file that changes the world, such as roundtrip/simulate/worlds/actions_hold.yml.
    """
    table = Table(
        *("to everybody, once a quarter", "churn", "change", "satisfaction", "margin before cost"),
        title=f"{customers:,} people, {history} months, then {MONTHS}; seed {seed}"
        + (f"; {config.name}" if config else ""),
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        simulate(folder / "start", customers, history, seed, config)
        began_on = date.fromisoformat(Company.describe(folder / "start", None).settings["as_of"])
        untouched = twin(folder / "start", folder / "untouched")
        live_on(untouched, MONTHS)
        for number, actions in enumerate(PLANS):
            lived = twin(folder / "start", folder / f"plan-{number}")
            for month in range(MONTHS):
                live_on(lived, 1, _orders(lived, actions, month))
            everybody = compare(lived, untouched, began_on).everybody
            with_it, without = everybody.with_plan, everybody.untouched
            if number == 0:
                table.add_row("nothing", f"{without.churn_rate:.1%}", "", f"{without.satisfaction:.3f}", "")
            table.add_row(
                ", ".join(actions),
                f"{with_it.churn_rate:.1%}",
                f"{with_it.churn_rate / without.churn_rate - 1:+.1%}",
                f"{with_it.satisfaction:.3f}",
                f"{with_it.margin / without.margin - 1:+.1%}",
            )
    console.print(table)


def _orders(landing: Path, actions: tuple[str, ...], month: int) -> Path:
    """The month's interventions, to all who are customers at its start."""
    due = [action for place, action in enumerate(actions) if month % EVERY_MONTHS == place % EVERY_MONTHS]
    file = landing.with_suffix(".csv")
    duckdb.execute(
        f"""COPY (
            SELECT accounts.customer_id, unnest(CAST(? AS VARCHAR[])) AS action
            FROM read_parquet('{landing}/truth/accounts.parquet') AS accounts
            JOIN read_parquet('{landing}/truth/customers.parquet') AS people
                ON people.customer_id = accounts.person
            WHERE people.state IN ('active', 'fading')
            ORDER BY ALL
        ) TO '{file}' (HEADER)""",
        [due],
    )
    return file
