"""Step 7, scoring: one row for every customer of the date, by the champion or else by the inactivity rule."""

import os
from datetime import date

import numpy as np
import pandas as pd

from ml import reasons, registry
from ml.frame import available_features, feature_sql, open_published, read_frame
from ml.rule import InactivityRule
from ml.settings import catalogue
from ml.settings import parameters as read_parameters
from ml.value import expected_bookings, lifetime_value
from roundtrip.errors import BadInput
from roundtrip.files import remove_abandoned
from roundtrip.home import Home

RULE_VERSION = "inactivity-rule"
TEXTS = ["customer_id", "risk_band", *reasons.COLUMNS, "model_version"]
COLUMNS = [
    "customer_id",
    "as_of_date",
    "churn_probability",
    "risk_band",
    "expected_bookings",
    "lifetime_value",
    *reasons.COLUMNS,
    "model_version",
]


def score(home: Home, as_of: date) -> dict:
    """Score all customers of a date and write products/customer_scores/<as_of>.parquet, sorted by
    customer_id.

    Returns:
        `status` (scored), `model_version`, `scored_by` (champion | inactivity_rule), counts per band, `path`.

    Raises:
        BadInput: the published warehouse is not of this date, or lacks what the champion needs.
    """
    parameters = read_parameters()
    rows, available = _customers(home, as_of)
    scorable = rows.loc[rows["is_scorable"]]
    champion = registry.champion_for(home, as_of)
    if champion:
        model_version = f"{registry.MODEL}/{champion.number}"
        probability, told = _by_champion(home, champion, scorable, available)
        rule_source = None
    else:
        model_version = RULE_VERSION
        rule = _rule(home, as_of, parameters)
        probability, told = _by_rule(rule, scorable)
        rule_source = rule.source
    scores = _unscored(rows, as_of, model_version)
    at = scorable.index
    scores.loc[at, "churn_probability"] = probability
    scores.loc[at, "risk_band"] = _bands(probability, parameters["bands"])
    bookings = expected_bookings(scorable, probability)
    scores.loc[at, "expected_bookings"] = bookings
    scores.loc[at, "lifetime_value"] = lifetime_value(scorable, bookings, probability, parameters)
    for column in reasons.COLUMNS:
        scores.loc[at, column] = told[column].to_numpy(dtype=object)
    path = home.products_dir / "customer_scores" / f"{as_of}.parquet"
    _write(scores[COLUMNS], path)
    bands = scores["risk_band"].value_counts()
    return {
        "status": "scored",
        "as_of": as_of.isoformat(),
        "scored_by": "champion" if champion else "inactivity_rule",
        "model_version": model_version,
        "rule_from": rule_source,
        "customers": len(scores),
        "bands": {band: int(bands.get(band, 0)) for band in ("high", "medium", "low", "not_applicable")},
        "mean_probability": float(probability.mean()) if len(probability) else None,
        "path": str(path),
    }


def _customers(home: Home, as_of: date) -> tuple[pd.DataFrame, list[str]]:
    """Every customer with the features of the date, and the names of the features the warehouse has."""
    with open_published(home) as connection:
        names = available_features(connection)
        there = connection.execute(
            "SELECT count(*), (SELECT max(as_of_date) FROM marts.customer_features) "
            "FROM marts.customer_features WHERE as_of_date = ?",
            [as_of],
        ).fetchone()
        everybody = connection.execute("SELECT count(*) FROM marts.dim_customers").fetchone()[0]
        if everybody and not there[0]:
            raise BadInput(
                f"the published warehouse has no customer_features of {as_of} (its newest are of {there[1]})",
                f"build and publish for that date first: `roundtrip run --as-of {as_of}`",
            )
        rows = connection.execute(
            f"""SELECT c.customer_id, f.lifecycle_stage, c.may_be_profiled,
                       coalesce(f.is_scorable, false) AND c.may_be_profiled AS is_scorable,
                       coalesce(l.horizon_days, 365) AS horizon_days, {feature_sql(names)}
                FROM marts.dim_customers c
                LEFT JOIN marts.customer_features f
                    ON f.customer_id = c.customer_id AND f.as_of_date = $as_of
                LEFT JOIN marts.churn_labels l
                    ON l.customer_id = c.customer_id AND l.as_of_date = $as_of
                ORDER BY c.customer_id""",
            {"as_of": as_of},
        ).df()
    return rows, names


def _by_champion(home, champion, scorable: pd.DataFrame, available: list[str]):
    model, needed = registry.load(home, champion)
    if missing := [name for name in needed if name not in available]:
        raise BadInput(
            f"the published warehouse lacks {', '.join(missing)}; champion {champion.number} needs it",
            "restore the columns in marts.customer_features, or train again for this date",
        )
    inputs = scorable[needed].copy()
    if len(inputs) == 0:
        return np.zeros(0), pd.DataFrame(columns=reasons.COLUMNS)
    probability = np.asarray(model.predict(inputs), dtype=float)
    parts = model.unwrap_python_model().contributions(inputs)
    # The parts are distances from the average customer: their sum says on which side of it somebody is.
    return probability, reasons.explain(parts, inputs, needed, parts.sum(axis=1) > 0)


def _rule(home: Home, as_of: date, parameters: dict) -> InactivityRule:
    labelled = read_frame(home, as_of, parameters).rows
    return InactivityRule.fit(labelled["overdue_ratio_for_rule"], labelled["label"], parameters)


def _by_rule(rule: InactivityRule, scorable: pd.DataFrame):
    """Probability and reasons by overdue_ratio alone: one real reason, and that no model was asked."""
    probability = rule.probability(scorable["overdue_ratio"])
    # Above or below one usual gap: for the rule that is what average means.
    late = scorable["overdue_ratio"].fillna(1.0).to_numpy() > 1
    told = reasons.explain(
        np.where(late, 1.0, -1.0)[:, None], scorable[["overdue_ratio"]], ["overdue_ratio"], late
    )
    told["reason_2"] = reasons.fixed_reason("rule", "en")
    told["reason_2_zh"] = reasons.fixed_reason("rule", "zh")
    return probability, told


def _unscored(rows: pd.DataFrame, as_of: date, model_version: str) -> pd.DataFrame:
    """A row for everybody with NULL numbers, and why: prospects, lost customers and those who withdrew
    consent to profiling keep it that way."""
    scores = pd.DataFrame({name: pd.Series(None, index=rows.index, dtype=object) for name in TEXTS})
    scores["customer_id"] = rows["customer_id"].astype(object)
    scores["as_of_date"] = as_of
    for name in ("churn_probability", "expected_bookings", "lifetime_value"):
        scores[name] = np.nan
    scores["risk_band"] = "not_applicable"
    scores["model_version"] = model_version
    kinds = catalogue()["fixed_reasons"]
    why = rows["lifecycle_stage"].where(
        rows["lifecycle_stage"].isin(["prospect", "lost"]), "unknown_customer"
    )
    why = why.where(rows["may_be_profiled"].astype(bool), "profiling_withdrawn")
    for language, column in (("en", "reason_1"), ("zh", "reason_1_zh")):
        scores[column] = why.map({kind: words[language] for kind, words in kinds.items()}).astype(object)
    return scores


def _bands(probability: np.ndarray, thresholds: dict) -> np.ndarray:
    return np.select(
        [probability >= thresholds["high"], probability >= thresholds["medium"]], ["high", "medium"], "low"
    ).astype(object)


def _write(scores: pd.DataFrame, path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = dict.fromkeys(TEXTS, pa.string()) | {"as_of_date": pa.date32()}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in COLUMNS])
    table = pa.Table.from_pandas(scores, schema=schema, preserve_index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, f".{path.name}.*.tmp")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(table.replace_schema_metadata(None), beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
