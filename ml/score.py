"""Step 7, scoring: one row for every customer of the date, by the champion, by whoever was in force before
it, or else by the inactivity rule; and the challenger's numbers beside them, in the shadow.
"""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from ml import reasons, registry
from ml.frame import available_features, feature_sql, open_published, read_frame, table_columns
from ml.rule import InactivityRule
from ml.settings import catalogue
from ml.settings import parameters as read_parameters
from ml.shadow import score_in_shadow
from ml.tree_parts import quicken
from ml.value import Year, lifetime_value, next_year
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.products import write_product

RULE_VERSION = "inactivity-rule"
TEXTS = ["customer_id", "risk_band", *reasons.COLUMNS, "model_version"]
NUMBERS = [
    "expected_bookings_low",
    "expected_bookings_high",
    "expected_value_12m",
    "expected_value_12m_low",
    "expected_value_12m_high",
]
COLUMNS = [
    "customer_id",
    "as_of_date",
    "churn_probability",
    "risk_band",
    "expected_bookings",
    "lifetime_value",
    *reasons.COLUMNS,
    "model_version",
    *NUMBERS,
]
_TYPES = {name: "string" if name in TEXTS else "double" for name in COLUMNS} | {"as_of_date": "date"}
#: Rows that are scored and explained at once: what a row needs for its reasons is 2 kB.
CHUNK = 200_000


@dataclass
class Customers:
    """Everybody of the date.

    Attributes:
        rows: one per customer, sorted by customer_id: the features, lifecycle_stage, may_be_profiled,
            is_scorable, horizon_days.
        features: those that the warehouse has. types: of marts.customer_features, name → SQL type.
    """

    rows: pd.DataFrame
    features: list[str]
    types: dict[str, str]


@dataclass
class Scored:
    """What the model or the rule says of the scorable customers, in their order."""

    probability: np.ndarray
    told: pd.DataFrame
    model_version: str
    scored_by: str
    version: registry.Version | None = None
    rule_from: str | None = None
    warnings: list[str] = field(default_factory=list)


def score(home: Home, as_of: date) -> dict:
    """Score all customers of a date and write products/customer_scores/<as_of>.parquet, sorted by
    customer_id; where a challenger waits, products/model_shadow_scores/<as_of>.parquet too.

    Returns:
        `status` (scored), `model_version`, `scored_by` (champion | earlier_champion | inactivity_rule),
        `challenger`, `warnings` in sentences (whoever should have scored and could not), counts per band,
        `path`.

    Raises:
        BadInput: the published warehouse is not of this date, or its columns are not those the model in use
            was trained on.
    """
    parameters = read_parameters()
    customers = _customers(home, as_of)
    scorable = customers.rows.loc[customers.rows["is_scorable"]]
    scored = _by_model(home, as_of, customers, scorable) or _by_rule(home, as_of, scorable, parameters)
    scores = _unscored(customers.rows, as_of, scored.model_version)
    at, probability = scorable.index, scored.probability
    year = next_year(scorable, probability, parameters)
    numbers = {
        "churn_probability": probability,
        "risk_band": _bands(probability, parameters["bands"]),
        "lifetime_value": lifetime_value(scorable, year.bookings, probability, parameters),
        **_year_columns(year),
    }
    for column, values in numbers.items():
        scores.loc[at, column] = values
    for column in reasons.COLUMNS:
        scores.loc[at, column] = scored.told[column].to_numpy(dtype=object)
    path = home.products_dir / "customer_scores" / f"{as_of}.parquet"
    write_product(scores, _TYPES, path)
    challenger = score_in_shadow(home, as_of, scorable, scored.version, probability, scored.warnings)
    bands = scores["risk_band"].value_counts()
    return {
        "status": "scored",
        "as_of": as_of.isoformat(),
        "scored_by": scored.scored_by,
        "model_version": scored.model_version,
        "rule_from": scored.rule_from,
        "challenger": challenger,
        "warnings": scored.warnings,
        "customers": len(scores),
        "bands": {band: int(bands.get(band, 0)) for band in ("high", "medium", "low", "not_applicable")},
        "mean_probability": float(probability.mean()) if len(probability) else None,
        "path": str(path),
    }


def _year_columns(year: Year) -> dict[str, np.ndarray]:
    return {
        "expected_bookings": year.bookings,
        "expected_bookings_low": year.bookings_low,
        "expected_bookings_high": year.bookings_high,
        "expected_value_12m": year.value,
        "expected_value_12m_low": year.value_low,
        "expected_value_12m_high": year.value_high,
    }


def _customers(home: Home, as_of: date) -> Customers:
    with open_published(home) as connection:
        names = available_features(connection)
        types = table_columns(connection, "customer_features")
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
    return Customers(rows, names, types)


def _by_model(home: Home, as_of: date, customers: Customers, scorable: pd.DataFrame) -> Scored | None:
    """By the first version in force that can be loaded; None where no model was ever in force.

    Where there were versions and none can be loaded, the rule scores with that in its warnings.
    """
    version, model, needed, warnings = registry.first_loadable(home, as_of)
    if version is None and not warnings:
        return None
    if version is None:
        warnings.append(
            "the inactivity rule scores instead; train again, or see the runbook `a model is gone`"
        )
        return _by_rule(home, as_of, scorable, read_parameters(), warnings)
    if warnings:
        warnings.append(f"model version {version.number}, the last one in force, scores instead")
    require_schema(needed, customers, version)
    probability, told = _predicted(model, needed, scorable)
    by = "earlier_champion" if warnings else "champion"
    return Scored(probability, told, registry.name_of(version), by, version, warnings=warnings)


def require_schema(needed: list[str], customers: Customers, version: registry.Version) -> None:
    """Compare what a model needs with marts.customer_features; more columns than that are no matter.

    Raises:
        BadInput: naming each column that is missing, or that was a number once and is none now.
    """
    unusable = [name for name in needed if name not in customers.features]
    missing = [name for name in unusable if name not in customers.types]
    mistyped = [f"{name} ({customers.types[name]})" for name in unusable if name in customers.types]
    differs = [
        f"{words} {', '.join(names)}"
        for words, names in (("lacks", missing), ("has no numbers in", mistyped))
        if names
    ]
    if differs:
        raise BadInput(
            f"marts.customer_features {' and '.join(differs)}; model version {version.number} needs them",
            "put them back, or train without them: `roundtrip stage train`, then `roundtrip stage score`",
        )


def _predicted(model, needed: list[str], scorable: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Probabilities and reasons, so many rows at a time that the memory stays bounded."""
    explained = quicken(model.unwrap_python_model())
    probabilities, told = [np.zeros(0)], [pd.DataFrame(columns=reasons.COLUMNS)]
    for start in range(0, len(scorable), CHUNK):
        inputs = scorable.iloc[start : start + CHUNK][needed]
        probabilities.append(np.asarray(model.predict(inputs), dtype=float))
        parts = explained.contributions(inputs)
        # The parts are distances from the average customer: their sum says on which side of it somebody is.
        told.append(reasons.explain(parts, inputs, needed, parts.sum(axis=1) > 0))
    return np.concatenate(probabilities), pd.concat(told[1:] or told)


def _rule(home: Home, as_of: date, parameters: dict) -> InactivityRule:
    labelled = read_frame(home, as_of, parameters).rows
    return InactivityRule.fit(labelled["overdue_ratio_for_rule"], labelled["label"], parameters)


def _by_rule(
    home: Home, as_of: date, scorable: pd.DataFrame, parameters: dict, warnings: list[str] | None = None
) -> Scored:
    """Probability and reasons by overdue_ratio alone: one real reason, and why no model was asked.

    Args:
        warnings: why there is no model, where there was one; None where none has proved better yet.
    """
    rule = _rule(home, as_of, parameters)
    probability = rule.probability(scorable["overdue_ratio"])
    # Above or below one usual gap: for the rule that is what average means.
    late = scorable["overdue_ratio"].fillna(1.0).to_numpy() > 1
    told = reasons.explain(
        np.where(late, 1.0, -1.0)[:, None], scorable[["overdue_ratio"]], ["overdue_ratio"], late
    )
    why = "rule_instead" if warnings else "rule"
    told["reason_2"] = reasons.fixed_reason(why, "en")
    told["reason_2_zh"] = reasons.fixed_reason(why, "zh")
    return Scored(
        probability, told, RULE_VERSION, "inactivity_rule", rule_from=rule.source, warnings=warnings or []
    )


def _unscored(rows: pd.DataFrame, as_of: date, model_version: str) -> pd.DataFrame:
    """A row for everybody with NULL numbers, and why: prospects, lost customers and those who withdrew
    consent to profiling keep it that way."""
    scores = pd.DataFrame({name: pd.Series(None, index=rows.index, dtype=object) for name in TEXTS})
    scores["customer_id"] = rows["customer_id"].astype(object)
    scores["as_of_date"] = as_of
    for name in ("churn_probability", "expected_bookings", "lifetime_value", *NUMBERS):
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
