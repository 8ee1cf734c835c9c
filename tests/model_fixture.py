"""Registered versions without a training: small linear models, written down by hand."""

from datetime import date
from pathlib import Path

import pandas as pd

from ml import registry, tracking
from ml.drift import REFERENCE, reference_of
from ml.served import ChurnModel
from ml.settings import digest, parameters
from roundtrip.home import Home

FEATURES = ["overdue_ratio", "web_events_90d"]


def a_model(intercept: float = 0.0, features: list[str] | None = None) -> ChurnModel:
    """Risk grows with the first feature and falls with the second."""
    names = features or FEATURES
    linear = {
        "numeric": list(range(len(names))),
        "medians": [0.0] * len(names),
        "unknown": [],
        "categorical": [],
        "means": [0.0] * len(names),
        "scales": [1.0] * len(names),
        "coefficients": [2.0, -0.5, *[0.1] * len(names)][: len(names)],
        "intercept": intercept,
    }
    return ChurnModel(
        {
            "kind": "logistic",
            "features": names,
            "categories": {},
            "calibration": {"method": "sigmoid", "intercept": 0.0, "slope": 1.0},
            "base_rate": 0.4,
            "threads": 1,
            "linear": linear,
        }
    )


def a_version(
    home: Home, as_of: date, folder: Path, model: ChurnModel | None = None, status: str = "promoted"
) -> registry.Version:
    """Log and register a model as a training does; `promoted` ones move the alias, too.

    Args:
        folder: for scratch.
    """
    model, rules = model or a_model(), parameters()
    mlflow, _ = tracking.open_mlflow(home)
    tags = {"as_of": as_of.isoformat(), "parameters_hash": digest(rules), "promotion": status}
    with mlflow.start_run(experiment_id=tracking.experiment_id(home)) as run:
        mlflow.set_tags({**tags, "status": status})
        features = model.spec["features"]
        mlflow.log_dict({"kind": "logistic", "features": features, "parameters": {}}, registry.RECIPE)
        if home.current_db.exists():
            mlflow.log_dict(reference_of(home, as_of, model, features, rules), REFERENCE)
        uri = registry.log_model(home, model, features, folder / run.info.run_id / "model")
    version = registry.register(home, uri, run.info.run_id, tags, "made up")
    if status == "promoted":
        registry.make_champion(home, version, f"version {version.number} is good", "it was time")
    return version


def publish_scores(home: Home, frames: dict[str, pd.DataFrame]) -> None:
    """Put products into the published warehouse as tables of `marts`."""
    import duckdb

    with duckdb.connect(str(home.current_db)) as connection:
        for table, rows in frames.items():
            connection.register("rows", rows)
            connection.execute(f"CREATE OR REPLACE TABLE marts.{table} AS SELECT * FROM rows")
            connection.unregister("rows")
