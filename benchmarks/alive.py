"""probability_alive beside the personal rhythm: who of the simulated company's customers is really gone?

Two questions. Who has left for ever, which only the simulation knows (customers who have ever booked, at
every month end); and who will not book within the label's horizon (those not lost, as models learn it).
AUC of three rankings of the customers of one date, averaged over the dates by their number of customers, with
95 % intervals over customers drawn with replacement. Not of all dates' rows together: parameters change from
quarter to quarter, and nobody ranks last year's customers among today's.
"""

import tempfile
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from ml.evaluate import Scored, roc_auc
from roundtrip import duck
from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.simulate import simulate
from roundtrip.stages import STAGES, run_stage

CUSTOMERS, MONTHS, SEED = 3_000, 30, 7
_REPLICATES = 200
#: A ranking's name, and the SQL that is the larger the surer a customer is gone.
RANKINGS = {
    "probability_gone": "1 - probability_alive",
    "overdue_ratio": "overdue_ratio",
    "days_since_last_booking": "days_since_last_booking",
}


def main(console: Console, customers: int = CUSTOMERS, months: int = MONTHS, seed: int = SEED) -> None:
    """Simulate, build the warehouse, print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        landing = Path(scratch) / "landing"
        simulate(landing, customers, months, seed)
        home = Home(Path(scratch) / "home")
        company = Company.describe(landing, None)
        company.save(home)
        for stage in STAGES:
            run_stage(stage.name, home, date.fromisoformat(company.settings["as_of"]))
            if stage.name == "build_warehouse":
                break
        with duck.connect(home.work_db, home.tmp_dir, read_only=True) as work:
            asked = questions(work, landing)
    table = Table("question", "customers, rows", "share", *RANKINGS)
    for question, rows in asked.items():
        table.add_row(
            question,
            f"{rows['customer_id'].nunique():,}, {len(rows):,}",
            f"{rows['outcome'].mean():.1%}",
            *(f"{auc:.3f} ({low:.3f} to {high:.3f})" for auc, low, high in judge(rows, seed).values()),
        )
    console.print(table)
    gone = asked["gone for ever"]
    last = gone[gone["as_of_date"] == gone["as_of_date"].max()]
    console.print(
        f"at the last month end {last['outcome'].mean():.1%} of the customers are gone for ever, "
        f"and {last['probability_gone'].mean():.1%} are expected to be"
    )


def questions(work: duckdb.DuckDBPyConnection, landing: Path) -> dict[str, pd.DataFrame]:
    """Rows of (customer_id, as_of_date, outcome, and one column per ranking), by question."""
    rankings = ", ".join(f"{sql} AS {name}" for name, sql in RANKINGS.items())
    months = f"SELECT *, {rankings} FROM marts.fct_customer_months WHERE probability_alive IS NOT NULL"
    # The state of a month in the truth is the one at its end.
    gone = f"""
        SELECT months.customer_id, months.as_of_date, truth.state = 'gone' AS outcome, {", ".join(RANKINGS)}
        FROM ({months}) AS months
        JOIN read_parquet('{landing}/truth/customer_months/*.parquet') AS truth
        ON truth.customer_id = months.customer_id
        AND last_day(truth.month::DATE) = months.as_of_date
    """
    silent = f"""
        SELECT months.customer_id, months.as_of_date, labels.is_churned AS outcome, {", ".join(RANKINGS)}
        FROM ({months}) AS months JOIN marts.churn_labels AS labels USING (customer_id, as_of_date)
        WHERE NOT labels.is_censored
    """
    asked = {
        "gone for ever": gone,
        "gone for ever, one-time buyers": f"{gone} WHERE months.purchase_occasions = 1",
        "gone for ever, repeat buyers": f"{gone} WHERE months.purchase_occasions > 1",
        "no booking within the horizon": silent,
    }
    return {name: work.execute(f"{query} ORDER BY ALL").df() for name, query in asked.items()}


def judge(rows: pd.DataFrame, seed: int) -> dict[str, tuple[float, float, float]]:
    """By ranking: mean AUC of a date, and its 2.5 and 97.5 % points over customers drawn with replacement."""
    random = np.random.default_rng(seed)
    customers, number = np.unique(rows["customer_id"], return_inverse=True)
    # How often each customer is drawn weighs all of that customer's rows; first of all each once.
    drawn = random.multinomial(len(customers), np.full(len(customers), 1 / len(customers)), _REPLICATES)
    drawn = np.vstack([np.ones(len(customers)), drawn])
    dates = [place for _, place in sorted(rows.reset_index(drop=True).groupby("as_of_date").indices.items())]
    found = {}
    for name in RANKINGS:
        total, weight = np.zeros(len(drawn)), np.zeros(len(drawn))
        for place in dates:
            there = rows.iloc[place]
            scored = Scored(there[name].to_numpy(dtype=float), there["outcome"].to_numpy(dtype=float))
            for draw, times in enumerate(drawn[:, number[place]]):
                outcomes = scored.label[times > 0]
                if outcomes.min(initial=1) < outcomes.max(initial=0):
                    total[draw] += times.sum() * roc_auc(scored, times.astype(float))
                    weight[draw] += times.sum()
        # A draw without anybody gone, or without anybody there, ranks nothing.
        mean = np.divide(total, weight, out=np.full(len(drawn), np.nan), where=weight > 0)
        low, high = np.nanpercentile(mean[1:], [2.5, 97.5])
        found[name] = (float(mean[0]), float(low), float(high))
    return found
