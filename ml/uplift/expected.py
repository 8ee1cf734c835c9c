"""What is to be expected of a customer without knowing what will be done: the nuisance of the uplift
learners.

Fitted on month ends whose outcome is known by now, and used only for customers they were not fitted on.
"""

from dataclasses import dataclass, field
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from ml.uplift.settings import parameters
from roundtrip.measure.outcomes import money_column

#: Name → days ahead, and LightGBM's objective.
_TARGETS = {
    "expected_return": (90, "binary"),
    "expected_near_margin": (90, "tweedie"),
    "expected_margin": (365, "tweedie"),
}


@dataclass
class Expectations:
    """Fitted models: one a target and fold; a customer is told by the one that has not seen them.

    Attributes:
        constants: target → what is expected of everybody, where there is too little to fit.
        messages: what could not be fitted, in words.
    """

    features: tuple[str, ...]
    models: dict[str, list] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    @property
    def is_fitted(self) -> bool:
        return bool(self.models)

    def of(self, rows: pd.DataFrame) -> dict[str, np.ndarray]:
        """Target → shape (n,), for rows with customer_id and the features."""
        fold, x = fold_of(rows["customer_id"]), rows[list(self.features)].to_numpy(float)
        found = {}
        for target in _TARGETS:
            values = np.full(len(rows), self.constants.get(target, 0.0))
            for number, model in enumerate(self.models.get(target, [])):
                at = fold == number
                if at.any():
                    values[at] = model.predict(x[at])
            found[target] = values
        # A year that could not be fitted is four quarters.
        if "expected_margin" not in self.models and "expected_near_margin" in self.models:
            found["expected_margin"] = 4 * found["expected_near_margin"]
        return found


def fold_of(customer_ids: pd.Series, folds: int | None = None, salt: str = "") -> np.ndarray:
    """The fold of each customer by hash, the same in every run; shape (n,)."""
    texts = (salt + customer_ids.astype(str)).to_numpy(object)
    count = folds or parameters()["nuisance"]["folds"]
    return (pd.util.hash_array(texts, categorize=False) // 7 % count).astype(int)


def fit_expectations(
    connection: duckdb.DuckDBPyConnection, as_of: date, features: tuple[str, ...]
) -> Expectations:
    """Fit return and margin of 90 days and margin of a year on month ends of `usable` customers."""
    import lightgbm

    chosen, found = parameters()["nuisance"], Expectations(features)
    money = money_column(connection, as_of)
    for target, (days, objective) in _TARGETS.items():
        if money is None and objective == "tweedie":
            continue
        rows = _examples(connection, as_of, features, days, money, chosen["max_rows"])
        answer = rows["has_booked"] if objective == "binary" else rows["margin"].clip(lower=0)
        found.constants[target] = float(answer.mean()) if len(rows) else 0.0
        if len(rows) < chosen["min_rows"] or answer.nunique() < 2:
            found.messages.append(f"{target}: {len(rows)} finished examples, {chosen['min_rows']} needed")
            continue
        fold, x = fold_of(rows["customer_id"]), rows[list(features)].to_numpy(float)
        settings = chosen["lightgbm"] | {
            "objective": objective, "seed": parameters()["seed"], "deterministic": True,
            "force_row_wise": True, "num_threads": 1, "verbosity": -1,
        }  # fmt: skip
        rounds = settings.pop("n_estimators")
        found.models[target] = [
            lightgbm.train(
                settings, lightgbm.Dataset(x[fold != number], answer.to_numpy(float)[fold != number]), rounds
            )
            for number in range(chosen["folds"])
        ]
    return found


def _examples(connection, as_of: date, features, days: int, money: str | None, most: int) -> pd.DataFrame:
    """Month ends whose `days` ahead are over, at most so many, by hash; without those who never booked."""
    there = {row[0] for row in connection.execute("DESCRIBE marts.customer_features").fetchall()}
    columns = ", ".join(
        f"CAST({n} AS DOUBLE) AS {n}" if n in there else f"NULL::DOUBLE AS {n}" for n in features
    )
    amount = f"coalesce(sum(b.{money}), 0)::DOUBLE" if money else "NULL::DOUBLE"
    return connection.execute(
        f"""WITH chosen AS (
                SELECT customer_id, as_of_date, {columns} FROM marts.customer_features
                SEMI JOIN usable USING (customer_id)
                WHERE is_month_end AND as_of_date + {days} <= $as_of AND days_since_last_booking IS NOT NULL
                ORDER BY hash(customer_id, as_of_date) LIMIT {most}
            ), ahead AS (
                SELECT c.customer_id, c.as_of_date, {amount} AS margin
                FROM chosen c JOIN marts.fct_bookings b ON b.customer_id = c.customer_id
                    AND b.booked_at::DATE > c.as_of_date AND b.booked_at::DATE <= c.as_of_date + {days}
                    AND coalesce(b.cancelled_at::DATE > c.as_of_date + {days}, true)
                GROUP BY ALL
            )
            SELECT c.*, coalesce(a.margin, 0) AS margin, a.customer_id IS NOT NULL AS has_booked
            FROM chosen c LEFT JOIN ahead a USING (customer_id, as_of_date)
            ORDER BY customer_id, as_of_date""",
        {"as_of": as_of},
    ).df()
