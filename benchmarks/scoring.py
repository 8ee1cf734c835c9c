"""How fast a million customers are scored, and in how much memory.

Made-up customers with all features of the catalogue; the model is LightGBM with the project's parameters,
learned from a part of them and served as MLflow serves it (ml/served.py, from its files). After loading:
probabilities alone, with the reasons of every customer, and with bookings, value and their intervals as well.
Exits with 1 if probabilities come slower than 100,000 customers a second, or the process has taken 4 GB.
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from ml import reasons
from ml.fitting import Lesson, fit
from ml.score import CHUNK
from ml.served import ChurnModel
from ml.settings import catalogue, parameters
from ml.tree_parts import quicken
from ml.value import lifetime_value, next_year

CUSTOMERS = 1_000_000
LEARNED_FROM = 60_000
LEAST_PER_SECOND, MOST_GB = 100_000, 4.0


def main(console: Console, customers: int = CUSTOMERS) -> bool:
    """Measure and show; True if an aim was missed."""
    rules = parameters()
    rows = made_up(customers, seed=rules["seed"])
    features = list(catalogue()["features"])
    with tempfile.TemporaryDirectory() as folder:
        learn(rows.head(LEARNED_FROM), features, rules).save(Path(folder))
        started = time.perf_counter()
        model = ChurnModel().load(Path(folder))
        loading = time.perf_counter() - started
    table = Table("step", "seconds", "CPU seconds", "customers a second", title=f"{customers:,} customers")
    table.add_row("loading", f"{loading:.2f}", "", "")
    taken = {}

    def measured(name: str, step):
        wall, cpu = time.perf_counter(), time.process_time()
        result = step()
        taken[name] = time.perf_counter() - wall
        table.add_row(
            name,
            f"{taken[name]:.1f}",
            f"{time.process_time() - cpu:.1f}",
            f"{customers / taken[name]:,.0f}",
        )
        return result

    inputs = rows[features]
    probability = measured("probabilities", lambda: model.predict(None, inputs))
    measured("reasons", lambda: _reasons(model, inputs, features))
    year = measured("bookings and value", lambda: next_year(rows, probability, rules))
    measured("value over three years", lambda: lifetime_value(rows, year.bookings, probability, rules))
    everything = sum(taken.values())
    table.add_row("all of it", f"{everything:.1f}", "", f"{customers / everything:,.0f}")
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    console.print(table)
    console.print(f"largest memory of the process: {gigabytes:.2f} GB, the made-up customers included")
    per_second = customers / taken["probabilities"]
    return bool(per_second < LEAST_PER_SECOND or gigabytes > MOST_GB)


def _reasons(model: ChurnModel, inputs: pd.DataFrame, features: list[str]) -> None:
    explained = quicken(model)
    for start in range(0, len(inputs), CHUNK):
        some = inputs.iloc[start : start + CHUNK]
        parts = explained.contributions(some)
        reasons.explain(parts, some, features, parts.sum(axis=1) > 0)


def learn(rows: pd.DataFrame, features: list[str], rules: dict) -> ChurnModel:
    lesson = Lesson(rows, pd.Timestamp("2024-12-31"), followed=rows, most_followed=len(rows))
    return fit("lightgbm", lesson, features, rules)


def made_up(customers: int, seed: int) -> pd.DataFrame:
    """Rows with all features of the catalogue, what value.py needs, and a label that some features move."""
    random = np.random.default_rng(seed)
    columns: dict[str, np.ndarray] = {"customer_id": np.char.add("c", np.arange(customers).astype(str))}
    for name, entry in catalogue()["features"].items():
        if name == "month_of_year":
            columns[name] = np.full(customers, "12", dtype=object)
        elif entry["kind"] == "category":
            columns[name] = random.choice(
                np.array([f"level {i}" for i in range(12)], dtype=object), customers
            )
        elif entry["kind"] == "flag":
            columns[name] = (random.random(customers) < 0.3).astype(float)
        elif entry["unit"] in ("money", "points"):
            columns[name] = np.round(random.lognormal(6, 1, customers), 2)
        elif entry["unit"] == "days":
            columns[name] = np.floor(random.gamma(1.5, 150, customers))
        elif entry["unit"] == "count":
            columns[name] = random.poisson(random.gamma(1, 3, customers)).astype(float)
        else:
            columns[name] = np.round(random.random(customers), 3)
        if entry["group"] in ("satisfaction", "service_trouble"):
            columns[name][random.random(customers) < 0.5] = np.nan
    rows = pd.DataFrame(columns)
    for name in ("purchase_occasions_lifetime", "bookings_lifetime"):
        rows[name] += 1
    rows["horizon_days"] = random.integers(180, 366, customers)
    moved = 0.004 * rows["days_since_last_booking"] - 0.2 * rows["bookings_12m"]
    moved += 0.4 * rows["complaints_12m"].fillna(0) - 0.05 * rows["web_events_90d"]
    rows["label"] = (random.random(customers) < 1 / (1 + np.exp(-(moved - moved.mean())))).astype(int)
    return rows
