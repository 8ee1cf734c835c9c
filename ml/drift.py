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
from ml.sentences import PARAGRAPH, Sentence, in_chinese, join, words
from ml.settings import catalogue, digest
from ml.settings import parameters as read_parameters
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.products import write_product

say = words("monitoring")

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
    alarms: list[Sentence]
    remarks: list[Sentence]


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
        `status`: nothing_to_watch (no champion) | stable | watch | drift; `alarms`, `remarks` and `warnings`
        in sentences, also in Chinese (`alarms_zh` …); `model_version`, `released_for`, `score_psi`,
        `features_moved`, `run_id`.

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
    alarms = [alarm for look in looks.values() for alarm in look.alarms]
    remarks = [remark for look in looks.values() for remark in look.remarks]
    states = set(rows["state"])
    found = {
        "status": "drift" if alarms else "watch" if states & {"watch", "alarm"} else "stable",
        "as_of": as_of.isoformat(),
        "model_version": registry.name_of(champion),
        "released_for": champion.as_of.isoformat(),
        "alarms": alarms,
        "alarms_zh": in_chinese(alarms),
        "remarks": remarks,
        "remarks_zh": in_chinese(remarks),
        "warnings": warnings + alarms,
        "warnings_zh": in_chinese(warnings + alarms),
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
        return Look([], [], [say("no_reference", number=champion.number)])
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


def _population_alarms(rows: list[dict], compared: dict, rules: dict) -> list[Sentence]:
    alarms, bound = [], rules["psi_alarm"]
    lost = sorted(
        name
        for name, found in compared.items()
        if found["unknown_now"] - found["unknown_then"] > rules["lost_share"]
    )
    if lost:
        alarms.append(say("lost", names=", ".join(lost)))
    moved = [row for row in rows if row["state"] == "alarm"]
    if score := [row for row in moved if row["subject"] == SCORE]:
        alarms.append(say("scores_moved", value=score[0]["value"], bound=bound))
    counted = [row for row in rows if row["state"] != "calendar" and row["subject"] != SCORE]
    features = [row for row in moved if row["subject"] not in (SCORE, *lost)]
    if features and len(features) >= rules["moved_share"] * len(counted):
        most = sorted(features, key=lambda row: -row["value"])[:5]
        named = ", ".join(f"{row['subject']} {row['value']:.2f}" for row in most)
        told = {"moved": len(features), "counted": len(counted), "bound": bound, "names": named}
        alarms.append(say("features_moved", **told))
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


def _performance_words(each: dict, states: dict) -> list[Sentence]:
    crowd = say("crowd", rows=each["rows"], known=each["known"])
    about = {"version": each["model_version"], "scored_on": each["scored_on"], "crowd": crowd}
    said = []
    if states["calibration_error"][1] == "alarm":
        bias = each["said_minus_seen"]["value"]
        told = {**about, **each["calibration_error"], "bias": abs(bias)}
        said.append(say("off_too_high", **told) if bias > 0 else say("off_too_low", **told))
    if states["roc_auc_gain_over_rule"][1] == "alarm":
        said.append(say("worse_than_rule", **about, gain=each["roc_auc_gain_over_rule"]["value"]))
    return said


def _look_at_challenger(home, as_of, champion, parameters) -> Look:
    found = shadow.compare(home, as_of, champion, parameters)
    if found is None:
        return Look([], [], [])
    if found["verdict"] == "too_early":
        return Look([], [], [say("shadow_waits", challenger=found["challenger"], rows=found["rows"])])
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
    sides = {name: found[name] for name in ("customers", "challenger", "champion")}
    told = [say("shadow_compared", **sides, **gain)]
    return Look([row], told if is_better else [], [] if is_better else told)


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
    name, described = f"Model in use on {as_of}: {found['status']} · 模型跟踪", describe(found, rows)
    note = f"{described}\n\n---\n\n{described.zh}"
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


def describe(found: dict, rows: pd.DataFrame) -> Sentence:
    """The findings in words for somebody who has never heard of a stability index."""
    verdict = say(f"verdict_{found['status']}")
    about = {"as_of": found["as_of"], "version": found["model_version"]}
    parts = [say("looked_at", verdict=verdict, **about, released_for=found["released_for"])]
    parts += [_item(told) for told in found["alarms"] + found["remarks"]]
    if found["score_psi"] is not None:
        parts.append(say("score_index", value=found["score_psi"]))
    known = rows[(rows["kind"] == "performance") & (rows["measure"] == "known_share")]
    if known.empty:
        parts.append(say("nothing_known"))
    return join(parts, PARAGRAPH)


def _item(told: Sentence) -> Sentence:
    return Sentence(f"- {told[0].upper()}{told[1:]}.", f"- {told.zh}。")
