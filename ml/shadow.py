"""The challenger in the shadow: the newest version that is not in force scores, too, and nobody acts on it.

Why: a gate judges on past months. When the outcomes of these scores are known, champion and challenger are
compared on what neither could have seen. `products/model_shadow_scores/` holds both numbers side by side.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from ml import registry
from ml.evaluate import evaluate
from ml.frame import open_published, table_columns
from roundtrip.home import Home
from roundtrip.products import write_product

TABLE = "model_shadow_scores"
COLUMNS = {
    "customer_id": "string",
    "as_of_date": "date",
    "champion_version": "string",
    "champion_probability": "double",
    "challenger_version": "string",
    "challenger_probability": "double",
}

_SHADOWS = f"""
SELECT s.customer_id, s.as_of_date, s.champion_probability, s.challenger_probability,
       CAST(l.is_churned AS INTEGER) AS label
FROM marts.{TABLE} s JOIN marts.churn_labels l USING (customer_id, as_of_date)
WHERE s.champion_version = $champion AND s.challenger_version = $challenger AND l.horizon_ends_on <= $as_of
ORDER BY s.as_of_date, s.customer_id
"""


def score_in_shadow(
    home: Home,
    as_of: date,
    scorable: pd.DataFrame,
    champion: registry.Version | None,
    champion_probability: np.ndarray,
    warnings: list[str],
) -> str | None:
    """Let the challenger score the same customers; returns its name, None without one.

    A challenger that cannot is a warning: nobody's score depends on it. A file of this date that an earlier
    try left goes, if there is no challenger now.

    Args:
        scorable: customer_id and all features of the warehouse, one row a customer.
        warnings: added to.
    """
    path = shadow_file(home, as_of)
    challenger = registry.challenger_to(home, champion, as_of)
    probability = _probability(home, challenger, scorable, warnings) if challenger else None
    if probability is None:
        path.unlink(missing_ok=True)
        return None
    name = registry.name_of(challenger)
    rows = pd.DataFrame(
        {
            "customer_id": scorable["customer_id"].to_numpy(),
            "as_of_date": as_of,
            "champion_version": registry.name_of(champion),
            "champion_probability": champion_probability,
            "challenger_version": name,
            "challenger_probability": probability,
        }
    )
    write_product(rows, COLUMNS, path)
    return name


def _probability(home, challenger, scorable: pd.DataFrame, warnings: list[str]) -> np.ndarray | None:
    try:
        model, needed = registry.load(home, challenger)
    except Exception as error:
        warnings.append(f"challenger {challenger.number} cannot be loaded ({type(error).__name__})")
        return None
    if missing := [name for name in needed if name not in scorable]:
        warnings.append(f"challenger {challenger.number} does not score: {', '.join(missing)} is missing")
        return None
    return np.asarray(model.predict(scorable[needed]), dtype=float) if len(scorable) else np.zeros(0)


def shadow_file(home: Home, as_of: date) -> Path:
    return home.products_dir / TABLE / f"{as_of}.parquet"


def compare(home: Home, as_of: date, champion: registry.Version, parameters: dict) -> dict | None:
    """Champion and challenger on the outcomes that are known by now, all score dates together.

    Returns:
        champion, challenger (names), rows, customers, and with enough outcomes of both kinds `roc_auc_gain`
        (the challenger's AUC minus the champion's: value, low, high; paired, resampled by customer) and
        `verdict` (challenger_better | champion_better | no_difference); `verdict` is too_early otherwise.
        None without a challenger.
    """
    challenger = registry.challenger_to(home, champion, as_of)
    if challenger is None:
        return None
    names = {"champion": registry.name_of(champion), "challenger": registry.name_of(challenger)}
    with open_published(home) as connection:
        if not table_columns(connection, TABLE):
            return {**names, "rows": 0, "customers": 0, "verdict": "too_early"}
        rows = connection.execute(_SHADOWS, {**names, "as_of": as_of}).df()
    found = {**names, "rows": len(rows), "customers": int(rows["customer_id"].nunique())}
    label = rows["label"].to_numpy(dtype=float)
    if min(label.sum(), len(label) - label.sum()) < parameters["split"]["min_rows_each_class"]:
        return {**found, "verdict": "too_early"}
    judged = evaluate(
        {who: rows[f"{who}_probability"].to_numpy() for who in ("champion", "challenger")},
        label,
        rows["customer_id"],
        parameters,
        [("challenger", "champion")],
        parameters["monitoring"]["replicates"],
    )
    gain = judged["differences"]["challenger - champion"]
    verdict = "no_difference"
    if gain["low"] > 0:
        verdict = "challenger_better"
    elif gain["high"] < 0:
        verdict = "champion_better"
    return {**found, "roc_auc_gain": gain, "verdict": verdict}
