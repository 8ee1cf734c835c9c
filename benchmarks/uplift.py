"""Measured effects and learned uplift beside the simulated company's truth.

    .venv/bin/python -c "from benchmarks.uplift import main; main('HOME')"

HOME is a home of a simulated company, published, with its landing folder (and its truth) in company.json's
place.
Two oracles spend the same budget: the all-knowing one sees each person's true effect, which hangs on dice
nobody sees (who is put off by an action, who answers strongly); the informed one knows the true effect of
every action for people who look alike in all that a company has on them, and is as good as a decision from
these data can be.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
from rich.console import Console
from scipy import stats

from benchmarks.spending import Spent, best_by, by_lot, down_a_ranking, knowable
from ml.frame import table_columns
from ml.uplift import learn_uplift
from ml.uplift.frame import FEATURES, read_uplift_frame
from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.measure import measure

#: Budgets as shares of what the whole base is expected to bring in a month.
BUDGET_SHARES = (0.02, 0.10)


@dataclass(frozen=True)
class Judged:
    """Intervals that cover of those told, and policies by budget share; see the page's head."""

    covered: int
    told: int
    rank_correlation: float
    policies: dict[float, dict[str, Spent]]


def main(home: Home | Path | str) -> Judged:
    """Measure, learn and print how both fare against the truth."""
    home = home if isinstance(home, Home) else Home.from_env(home)
    found = judge(home)
    console = Console()
    console.print(
        f"intervals of 90 days' effect on return that cover the true mean: {found.covered} of {found.told} "
        f"({found.covered / max(found.told, 1):.0%}); rank correlation of net value: "
        f"{found.rank_correlation:.2f}"
    )
    for share, policies in found.policies.items():
        informed, all_knowing = (
            policies["informed oracle"].net_value,
            policies["all-knowing oracle"].net_value,
        )
        for name, spent in policies.items():
            console.print(
                f"budget {share:.0%} of a month's margin, {name}: net value {spent.net_value:,.0f}, cost "
                f"{spent.cost:,.0f}, {spent.customers:,.0f} customers; "
                f"{spent.net_value / informed:.2f} of the informed, "
                f"{spent.net_value / all_knowing:.2f} of the all-knowing oracle"
            )
    return found


def judge(home: Home) -> Judged:
    """Run both stages for the published date and compare what they say with the truth."""
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        as_of = connection.execute("SELECT as_of_date FROM marts.warehouse_info").fetchone()[0]
    truth = Path(Company.load(home).landing) / "truth"
    measure(home, as_of)
    learn_uplift(home, as_of)
    covered, told = coverage(home, as_of, truth)
    table = _candidates(home, as_of, truth)
    net = table["effect_on_value"] - table["cost"]
    correlation = float(stats.spearmanr(net, table["true_value"] - table["cost"])[0])
    month = table.drop_duplicates("customer_id")["expected_margin"].sum() / 12
    policies = {share: _policies(table, share * month) for share in BUDGET_SHARES}
    return Judged(covered, told, correlation, policies)


def coverage(home: Home, as_of: date, truth: Path) -> tuple[int, int]:
    """How many intervals cover the true mean effect on return of their touches, of how many told."""
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        covers = connection.execute(
            f"""WITH touches AS (
                SELECT f.campaign_id, f.action, t.effect_on_return
                FROM '{truth}/touch_effects/*.parquet' t JOIN marts.fct_campaign_touches f USING (touch_id)
                WHERE f.assigned_at::DATE + 90 <= $as_of
            ), means AS (
                SELECT campaign_id, action, avg(effect_on_return) AS effect FROM touches GROUP BY ALL
                UNION ALL SELECT 'all', action, avg(effect_on_return) FROM touches GROUP BY ALL
                UNION ALL SELECT 'all', 'all', avg(effect_on_return) FROM touches
            )
            SELECT m.effect BETWEEN e.ci_low AND e.ci_high
            FROM '{home.products_dir}/campaign_effects/{as_of}.parquet' e
                JOIN means m USING (campaign_id, action)
            WHERE e.outcome = 'return' AND e.window_days = 90 AND e.segment_kind = 'all'
                AND e.effect IS NOT NULL""",
            {"as_of": as_of},
        ).fetchall()
    return sum(bool(row[0]) for row in covers), len(covers)


def _candidates(home: Home, as_of: date, truth: Path) -> pd.DataFrame:
    """Every customer and action: what is said of it, its cost, what is true, and what could be known."""
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        table = connection.execute(
            f"""SELECT u.customer_id, u.action, u.effect_on_value, t.effect_on_value AS true_value, c.cost
                FROM '{home.products_dir}/action_uplifts/{as_of}.parquet' u
                JOIN '{truth}/action_effects.parquet' t USING (customer_id, action)
                JOIN (
                    SELECT action, avg(unit_cost)::DOUBLE AS cost FROM marts.fct_campaign_touches
                    GROUP BY action
                ) c USING (action)
                ORDER BY u.customer_id, u.action"""
        ).df()
        scores = (
            connection.execute(
                """SELECT customer_id, coalesce(arg_max(churn_probability, as_of_date), 0) AS risk
                   FROM marts.customer_scores GROUP BY customer_id"""
            ).df()
            if table_columns(connection, "customer_scores")
            else None
        )
    customers = read_uplift_frame(home, as_of).customers
    table = table.merge(
        customers[["customer_id", "expected_margin", "expected_return", *FEATURES]], on="customer_id"
    )
    # Of a company that has no scores yet, whoever is least expected to book.
    table = table.assign(risk=1 - table["expected_return"]) if scores is None else table.merge(scores)
    known = knowable(table, ["expected_margin", "expected_return", *FEATURES])
    return table.assign(known_value=known).reset_index(drop=True)


def _policies(table: pd.DataFrame, budget: float) -> dict[str, Spent]:
    return {
        "all-knowing oracle": best_by(table, table["true_value"], budget),
        "informed oracle": best_by(table, table["known_value"], budget),
        "ours": best_by(table, table["effect_on_value"], budget),
        "highest risk": down_a_ranking(table, "risk", budget),
        "random": by_lot(table, budget),
    }
