"""Step 5, looking after the model in use: are today's customers those it was released for, and was it right?

`monitor(home, as_of)` is the stage. Three looks, each with its thresholds in parameters.yml:
- population: the stability index of each feature and of the score, against the customers of the day the
  version was trained for (so a new training starts from nought);
- performance: calibration and ranking of scores given earlier, as their outcomes become known;
- challenger: the version in the shadow beside the champion, on the same known outcomes.
An alarm is a reason to train again (ml/retrain.py) and is told to people as a warning; it stops nothing.
"""

import json
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ml import registry, shadow, stability, tracking
from ml.frame import feature_sql, open_published, table_columns
from ml.matured import matured
from ml.settings import catalogue, digest
from ml.settings import parameters as read_parameters
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.products import write_product

TABLE = "model_monitoring"
COLUMNS = {
    "as_of_date": "date",
    "model_version": "string",
    "kind": "string",
    "subject": "string",
    "scored_on": "date",
    "measure": "string",
    "value": "double",
    "ci_low": "double",
    "ci_high": "double",
    "threshold": "double",
    "state": "string",
    "rows": "integer",
}
#: The score's name among the columns of a reference.
SCORE = "churn_probability"
REFERENCE = "reference.json"


@dataclass
class Look:
    """What one look found: rows of the product (COLUMNS without date), alarms and remarks in sentences."""

    rows: list[dict]
    alarms: list[str]
    remarks: list[str]


def population(home: Home, as_of: date, names: list[str], parameters: dict) -> pd.DataFrame:
    """The customers who would be scored on the newest date up to `as_of`: one row each, shape (n, names).

    Of names that the warehouse lacks there is no column. Above `max_rows` one customer in several, by hash.
    """
    with open_published(home) as connection:
        there = [name for name in names if name in table_columns(connection, "customer_features")]
        scope = """marts.customer_features f JOIN marts.dim_customers c USING (customer_id)
            WHERE c.may_be_profiled AND f.is_scorable AND f.as_of_date =
                (SELECT max(as_of_date) FROM marts.customer_features WHERE as_of_date <= $as_of)"""
        (rows,) = connection.execute(f"SELECT count(*) FROM {scope}", {"as_of": as_of}).fetchone()
        keep_one_in = -(-rows // parameters["monitoring"]["max_rows"]) or 1
        return connection.execute(
            f"""SELECT f.customer_id, {feature_sql(there)} FROM {scope}
                AND hash(f.customer_id) % {keep_one_in} = 0 ORDER BY f.customer_id""",
            {"as_of": as_of},
        ).df()


def reference_of(home: Home, as_of: date, model, features: list[str], parameters: dict) -> dict:
    """What the customers look like that a model is released for, and its scores of them: shares of bins."""
    rows = population(home, as_of, features, parameters)
    rows[SCORE] = model.predict(None, rows)
    return stability.reference(rows, [*features, SCORE], _categories(features))


def _categories(features: list[str]) -> set[str]:
    return {name for name in features if catalogue()["features"][name]["kind"] == "category"}


def monitor(home: Home, as_of: date) -> dict:
    """Look after the champion, and write it to products/model_monitoring/<as_of>.parquet and to MLflow.

    Returns:
        `status`: nothing_to_watch (no champion) | stable | watch | drift; `alarms` and `warnings` in
        sentences; `model_version`, `score_psi`, `matured`, `challenger`, `run_id`.

    Raises:
        BadInput: no published warehouse, or a table is missing in it.
    """
    parameters = read_parameters()
    champion, model, _, warnings = registry.first_loadable(home, as_of)
    path = home.products_dir / TABLE / f"{as_of}.parquet"
    signal = home.monitoring_dir / f"{as_of}.json"
    if champion is None:
        path.unlink(missing_ok=True)
        signal.unlink(missing_ok=True)
        return {"status": "nothing_to_watch", "as_of": as_of.isoformat(), "warnings": warnings}
    looks = {
        "population": _look_at_population(home, as_of, champion, model, parameters),
        "performance": _look_at_performance(home, as_of, champion, parameters),
        "challenger": _look_at_challenger(home, as_of, champion, parameters),
    }
    rows = pd.DataFrame(
        [{"kind": kind, **row} for kind, look in looks.items() for row in look.rows],
        columns=[name for name in COLUMNS if name != "as_of_date"],
    )
    rows.insert(0, "as_of_date", as_of)
    rows["model_version"] = rows["model_version"].fillna(registry.name_of(champion))
    # All of one kind and without a date, pandas would take the column for numbers.
    rows["scored_on"] = rows["scored_on"].astype(object).where(rows["scored_on"].notna(), None)
    write_product(rows, COLUMNS, path)
    alarms = [words for look in looks.values() for words in look.alarms]
    states = set(rows["state"])
    found = {
        "status": "drift" if alarms else "watch" if states & {"watch", "alarm"} else "stable",
        "as_of": as_of.isoformat(),
        "model_version": registry.name_of(champion),
        "released_for": champion.as_of.isoformat(),
        "alarms": alarms,
        "remarks": [words for look in looks.values() for words in look.remarks],
        "warnings": warnings + alarms,
        "score_psi": _value(rows, "population", SCORE),
        "features_moved": sorted(
            rows.loc[
                (rows["kind"] == "population") & (rows["state"] == "alarm") & (rows["subject"] != SCORE),
                "subject",
            ]
        ),
    }
    found["run_id"] = _log(home, as_of, found, rows)
    write_atomically(signal, json.dumps(found, indent=2, ensure_ascii=False))
    return found


def _look_at_population(home, as_of, champion, model, parameters) -> Look:
    then = registry.run_file(home, champion, REFERENCE)
    if then is None:
        remark = (
            f"version {champion.number} was trained before its customers were kept: how far today's are from "
            "them is measured from the next training on"
        )
        return Look([], [], [remark])
    rules = parameters["monitoring"]
    features = [name for name in then["columns"] if name != SCORE]
    now = population(home, as_of, features, parameters)
    if all(name in now for name in features):
        now[SCORE] = np.asarray(model.predict(now[features]), dtype=float) if len(now) else np.zeros(0)
    compared = stability.compare(now, then)
    if SCORE not in now:
        del compared[SCORE]
    rows = []
    for name, found in compared.items():
        is_calendar = name != SCORE and catalogue()["features"][name]["group"] == "season"
        rows.append(
            {
                "subject": name,
                "measure": "psi",
                "value": found["psi"],
                "threshold": rules["psi_alarm"],
                "state": "calendar" if is_calendar else _psi_state(found, rules),
                "rows": len(now),
            }
        )
    return Look(rows, _population_alarms(rows, compared, rules), [])


def _psi_state(found: dict, rules: dict) -> str:
    for state in ("alarm", "watch"):
        if found["psi"] > max(rules[f"psi_{state}"], found["by_chance"]):
            return state
    return "ok"


def _population_alarms(rows: list[dict], compared: dict, rules: dict) -> list[str]:
    alarms = []
    lost = sorted(
        name
        for name, found in compared.items()
        if found["unknown_now"] - found["unknown_then"] > rules["lost_share"]
    )
    if lost:
        alarms.append(f"no longer known for most customers, though they were: {', '.join(lost)}")
    moved = [row for row in rows if row["state"] == "alarm"]
    if score := [row for row in moved if row["subject"] == SCORE]:
        alarms.append(
            f"the scores have shifted: stability index {score[0]['value']:.2f}, above {rules['psi_alarm']}"
        )
    counted = [row for row in rows if row["state"] != "calendar" and row["subject"] != SCORE]
    features = [row for row in moved if row["subject"] not in (SCORE, *lost)]
    if features and len(features) >= rules["moved_share"] * len(counted):
        most = sorted(features, key=lambda row: -row["value"])[:5]
        named = ", ".join(f"{row['subject']} {row['value']:.2f}" for row in most)
        alarms.append(
            f"{len(features)} of {len(counted)} features have shifted (index above {rules['psi_alarm']}): "
            f"{named}"
        )
    return alarms


def _look_at_performance(home, as_of, champion, parameters) -> Look:
    bound = parameters["promotion"]["max_calibration_error"]
    rows, alarms, remarks = [], [], []
    for each in matured(home, as_of, parameters):
        where = {
            "subject": "score",
            "model_version": each["model_version"],
            "scored_on": date.fromisoformat(each["scored_on"]),
            "rows": each["rows"],
        }
        rows.append({**where, "measure": "known_share", "value": each["known"], "state": "ok"})
        if "roc_auc" not in each:
            continue
        error, gain = each["calibration_error"], each["roc_auc_gain_over_rule"]
        states = {
            "calibration_error": (bound, _above(error, bound)),
            "roc_auc_gain_over_rule": (0.0, _above({"value": -gain["value"], "low": -gain["high"]}, 0.0)),
        }
        for measure in ("roc_auc", "roc_auc_gain_over_rule", "brier", "calibration_error", "said_minus_seen"):
            threshold, state = states.get(measure, (np.nan, "ok"))
            interval = each[measure]
            rows.append(
                {
                    **where,
                    "measure": measure,
                    "value": interval["value"],
                    "ci_low": interval["low"],
                    "ci_high": interval["high"],
                    "threshold": threshold,
                    "state": state,
                }
            )
        told = _performance_words(each, states)
        # Of a version that is out of force it is news, too, but no reason to train: that has been done.
        is_ours = each["model_version"] == registry.name_of(champion)
        (alarms if is_ours else remarks).extend(told)
    return Look(rows, alarms, remarks)


def _above(of: dict, bound: float) -> str:
    return "alarm" if of["low"] > bound else "watch" if of["value"] > bound else "ok"


def _performance_words(each: dict, states: dict) -> list[str]:
    said, about = [], f"{each['model_version']}'s scores of {each['scored_on']}"
    crowd = f"{each['rows']:,} customers whose outcome is known ({each['known']:.0%} of the scored)"
    if states["calibration_error"][1] == "alarm":
        error, bias = each["calibration_error"], each["said_minus_seen"]["value"]
        way = "too high" if bias > 0 else "too low"
        said.append(
            f"{about} were off by {error['value']:.1%} ({error['low']:.1%} to {error['high']:.1%}), "
            f"on average {abs(bias):.1%} {way}, for {crowd}"
        )
    if states["roc_auc_gain_over_rule"][1] == "alarm":
        gain = each["roc_auc_gain_over_rule"]
        said.append(f"{about} ranked worse than the inactivity rule (AUC {gain['value']:+.3f}), for {crowd}")
    return said


def _look_at_challenger(home, as_of, champion, parameters) -> Look:
    found = shadow.compare(home, as_of, champion, parameters)
    if found is None:
        return Look([], [], [])
    if found["verdict"] == "too_early":
        waits = f"{found['challenger']} scores in the shadow; {found['rows']:,} of its outcomes are known yet"
        return Look([], [], [waits])
    gain = found["roc_auc_gain"]
    is_better = found["verdict"] == "challenger_better"
    row = {
        "subject": found["challenger"],
        "measure": "roc_auc_gain",
        "value": gain["value"],
        "ci_low": gain["low"],
        "ci_high": gain["high"],
        "threshold": 0.0,
        "state": "alarm" if is_better else "ok",
        "rows": found["rows"],
    }
    words = (
        f"on {found['customers']:,} customers whose outcome is known {found['challenger']} in the shadow "
        f"has an AUC {gain['value']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f}) against "
        f"{found['champion']}"
    )
    return Look([row], [words] if is_better else [], [] if is_better else [words])


def _value(rows: pd.DataFrame, kind: str, subject: str) -> float | None:
    chosen = rows.loc[(rows["kind"] == kind) & (rows["subject"] == subject), "value"]
    return float(chosen.iloc[0]) if len(chosen) else None


def _log(home: Home, as_of: date, found: dict, rows: pd.DataFrame) -> str:
    """A run of its own in MLflow, once for the same findings; returns its id."""
    from ml.drift_plots import pictures

    title = f"{found['model_version']} on {as_of}"
    key = digest({**found, "rows": rows.to_csv(index=False)})
    if done := tracking.finished_run_id(home, key, tracking.MONITORING):
        return done
    name, note = f"Model in use on {as_of}: {found['status']} · 模型跟踪", describe(found, rows)
    tags = {"status": found["status"], "model_version": found["model_version"]}
    with tracking.noted_run(home, tracking.MONITORING, name, key, as_of, note, **tags) as (mlflow, run):
        measured = rows[(rows["kind"] == "population") & rows["value"].notna()]
        metrics = {f"psi.{row.subject}": row.value for row in measured.itertuples()}
        mlflow.log_metrics({**metrics, "alarms": len(found["alarms"])})
        for name, figure in pictures(rows, title).items():
            mlflow.log_figure(figure, f"plots/{name}")
        mlflow.log_text(rows.to_csv(index=False), "monitoring.csv")
        mlflow.log_dict(found, "summary.json")
    return run.info.run_id


def describe(found: dict, rows: pd.DataFrame) -> str:
    """The findings in words for somebody who has never heard of a stability index."""
    verdict = {
        "drift": "**Something has changed.** The next training does not wait for its date.",
        "watch": "**Nothing alarming**, but something is moving.",
        "stable": "**All is as it was** when this version was released.",
    }[found["status"]]
    parts = [f"{verdict} Looked at on {found['as_of']}: {found['model_version']}, released for customers of "
             f"{found['released_for']}."]  # fmt: skip
    parts += [f"- {words[0].upper()}{words[1:]}." for words in found["alarms"] + found["remarks"]]
    if found["score_psi"] is not None:
        parts.append(
            f"The scores' stability index is {found['score_psi']:.3f} (below 0.1 is the usual unrest, "
            "above 0.25 another population)."
        )
    known = rows[(rows["kind"] == "performance") & (rows["measure"] == "known_share")]
    if known.empty:
        parts.append("No score is old enough yet to know what came of it.")
    return "\n\n".join(parts)
