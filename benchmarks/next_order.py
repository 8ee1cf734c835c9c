"""Will the next order be a premium one? HI Guides' own question, answered from the published warehouse.

    python -m benchmarks.next_order --home HOME --orders ../shared/data/hi_guides/orderFuture_train.csv.gz

HOME is a home that `roundtrip run --source sources/hi_guides` has published. Features are those of
`customer_features` on its date, and how often each service line was booked; the answer is in a file that no
stage reads. One customer in five is held out, by hash. Prints a table for docs/experiments.md.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from rich.console import Console
from rich.table import Table

from ml.evaluate import evaluate
from ml.frame import available_features, feature_sql, open_published
from ml.settings import parameters as read_parameters
from roundtrip.home import Home

HELD_OUT_IN = 5
#: What a customer booked of each line: the question is about one of them.
LINES = ("package", "car")
#: Small, since there are some thousand customers; not tuned.
BOOSTING = {"n_estimators": 150, "learning_rate": 0.05, "num_leaves": 15, "min_child_samples": 50}


def frame(home: Home, orders: Path) -> tuple[pd.DataFrame, list[str], int]:
    """(one row per customer with features and label, the features' names, customers with an answer)."""
    with open_published(home) as published:
        features = available_features(published)
        counts = ", ".join(
            f"count(*) FILTER (service_line = '{line}')::DOUBLE AS {line}_bookings" for line in LINES
        )
        rows = published.execute(
            f"""
            WITH answers AS (
                SELECT userid AS customer_id, orderType = '1' AS label
                FROM read_csv(?, all_varchar = true)
            ),
            booked AS (SELECT customer_id, {counts} FROM marts.fct_bookings GROUP BY customer_id)
            SELECT f.customer_id, f.as_of_date, answers.label::DOUBLE AS label, {feature_sql(features)},
                {", ".join(f"coalesce({line}_bookings, 0) AS {line}_bookings" for line in LINES)}
            FROM marts.customer_features AS f
            INNER JOIN answers USING (customer_id)
            LEFT JOIN booked USING (customer_id)
            WHERE f.as_of_date = (SELECT as_of_date FROM marts.warehouse_info)
            ORDER BY f.customer_id
            """,
            [str(orders)],
        ).df()
        asked = published.execute("SELECT count(*) FROM read_csv(?)", [str(orders)]).fetchone()[0]
    return rows, [*features, *(f"{line}_bookings" for line in LINES)], asked


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--orders", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    rows, features, asked = frame(Home(chosen.home), chosen.orders)
    parameters = read_parameters()
    held_out = pd.util.hash_array(rows["customer_id"].to_numpy(dtype=object)) % HELD_OUT_IN == 0
    train, test = rows[~held_out], rows[held_out]
    probabilities = {"count of past orders": _by_count(train, test, "bookings_lifetime")}
    probabilities["count of past premium orders"] = _by_count(train, test, "package_bookings")
    booster = LGBMClassifier(**BOOSTING, random_state=parameters["seed"], n_jobs=1, verbose=-1)
    booster.fit(_encoded(train, features), train["label"])
    probabilities["LightGBM"] = booster.predict_proba(_encoded(test, features))[:, 1]
    against = [("LightGBM", "count of past orders")]
    found = evaluate(probabilities, test["label"], test["customer_id"], parameters, against)
    table = Table("model", "ROC AUC", "top-decile lift")
    for name, metrics in found["models"].items():
        table.add_row(name, _interval(metrics["roc_auc"]), _interval(metrics["top_decile_lift"]))
    console = Console()
    console.print(table)
    console.print(
        f"{len(test):,} customers held out of {len(rows):,} in the warehouse ({asked:,} have an answer); "
        f"{found['base_rate']:.1%} ordered premium next"
    )


def _encoded(rows: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """Numbers as they are, texts as numbers of their own that a tree may split anywhere."""
    return pd.DataFrame(
        {
            name: rows[name]
            if pd.api.types.is_numeric_dtype(rows[name])
            else pd.util.hash_array(rows[name].fillna("").to_numpy(dtype=object)) % 1000
            for name in features
        }
    ).astype(float)


def _by_count(train: pd.DataFrame, test: pd.DataFrame, column: str) -> np.ndarray:
    """The share of premium orders by a count, from none to ten and more, pulled to the mean where few are."""
    bins, mean = train[column].fillna(0).clip(upper=10), train["label"].mean()
    told = train.groupby(bins)["label"].agg(["sum", "count"])
    share = (told["sum"] + mean) / (told["count"] + 1)
    return test[column].fillna(0).clip(upper=10).map(share).fillna(mean).to_numpy()


def _interval(of: dict) -> str:
    return f"{of['value']:.3f} ({of['low']:.3f}–{of['high']:.3f})"


if __name__ == "__main__":
    main()
