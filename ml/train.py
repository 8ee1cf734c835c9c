"""Step 5, training: frame → split → candidates → verdict → final fit → registry, once per date and data.

`train(home, as_of)` is the stage. It never fails for want of data: it says what is missing, and the
inactivity rule goes on scoring.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from ml import registry
from ml.card import write_card
from ml.frame import Frame, read_frame
from ml.settings import digest, source_hash
from ml.settings import parameters as read_parameters
from ml.split import Split, TooLittleData, split_frame
from roundtrip.home import PROJECT_ROOT, Home


@dataclass
class Comparison:
    """All models on the same test rows: probabilities, the verdict, and the candidate chosen before it."""

    probabilities: dict[str, np.ndarray]
    evaluation: dict
    chosen: str
    selection_auc: dict[str, float]
    candidates: dict


def train(home: Home, as_of: date) -> dict:
    """Train, evaluate and perhaps promote a churn model for a date.

    Returns:
        `status`: promoted | refused | too_little_data | champion_is_fresh | refused_recently, with `as_of`
        and, by status, `what_is_missing`, `reason`, `version`, `champion`, `split`, `evaluation`,
        `messages`, `run_id`.

    Raises:
        BadInput: no published warehouse, or a table is missing in it.
    """
    outcome = _outcome(home, as_of)
    write_card(home, as_of, outcome)
    return outcome


def _outcome(home: Home, as_of: date) -> dict:
    parameters = read_parameters()
    parameters_hash = digest(parameters)
    champion = registry.champion_for(home, as_of)
    days = parameters["promotion"]["retrain_after_days"]
    if champion and 0 < (as_of - champion.as_of).days < days and champion.parameters_hash == parameters_hash:
        return {
            "status": "champion_is_fresh",
            "as_of": as_of.isoformat(),
            "champion": champion.number,
            "trained_for": champion.as_of.isoformat(),
        }
    if refused := registry.recent_refusal(home, as_of, parameters_hash, days):
        return {
            **_put_in_force(home, refused),
            "status": "refused_recently",
            "tried_for": refused["as_of"],
            "as_of": as_of.isoformat(),
        }
    frame = read_frame(home, as_of, parameters)
    identity = {
        "as_of": as_of.isoformat(),
        "data_hash": frame.data_hash,
        "parameters_hash": parameters_hash,
        "source_hash": source_hash(),
    }
    run_key = digest(identity)
    done = registry.finished_run(home, run_key) or _train_in_a_run(
        home, as_of, frame, champion, parameters, {**identity, "run_key": run_key}
    )
    return _put_in_force(home, done)


def _put_in_force(home: Home, summary: dict) -> dict:
    """Register what a finished training made, and move the alias if the gate opened; again does nothing.

    After the run has finished, not in it: a killed training leaves no version behind, and the version that
    is published with the scores is the same as if nothing had been killed.
    """
    if "registration" not in summary:
        return summary
    version = registry.register(home, run_id=summary["run_id"], **summary.pop("registration"))
    is_champion = summary["status"] == "promoted" and registry.make_champion(home, version, summary["reason"])
    return {
        **summary,
        "version": version.number,
        "champion": version.number if is_champion else summary["champion"],
    }


def compare(frame: Frame, split: Split, parameters: dict, champion_recipe: dict | None = None) -> Comparison:
    """Fit the rule and every candidate on the training rows and judge all of them on the test rows.

    The candidate is chosen on rows outside the test (the calibration slice or the cross-validation), so
    that the test says how good the choice is and took no part in it. A champion is compared by its recipe,
    fitted on the same training rows: the champion itself was fitted on all labels, the test's among them.
    """
    from ml import models
    from ml.evaluate import Scored, evaluate, roc_auc

    rows = frame.rows
    test, label = rows.loc[split.test], rows["label"].to_numpy()
    rule = models.fit_rule(rows.loc[split.train | split.calibration], parameters)
    probabilities = {"rule": rule.probability(test["overdue_ratio_for_rule"])}
    candidates, selection_auc = {}, {}
    for kind in models.KINDS:
        fitted = models.fit_candidate(kind, rows, frame.features, split, parameters)
        candidates[kind] = fitted.model
        probabilities[kind] = fitted.model.predict(None, test)
        held_out = Scored(fitted.selection_log_odds, label[fitted.selection_rows])
        selection_auc[kind] = roc_auc(held_out, np.ones(len(held_out.label)))
    chosen = choose(selection_auc, parameters)
    against = [(kind, "rule") for kind in models.KINDS] + [("lightgbm", "logistic")]
    if champion_recipe:
        against.append((chosen, "champion"))
        if champion_recipe == recipe(chosen, frame.features, parameters):
            probabilities["champion"] = probabilities[chosen]
        else:
            known = [name for name in champion_recipe["features"] if name in frame.features]
            theirs = {**parameters, **champion_recipe["parameters"]}
            fitted = models.fit_candidate(champion_recipe["kind"], rows, known, split, theirs)
            probabilities["champion"] = fitted.model.predict(None, test)
    evaluation = evaluate(probabilities, test["label"], test["customer_id"], parameters, against)
    return Comparison(probabilities, evaluation, chosen, selection_auc, candidates)


def choose(selection_auc: dict[str, float], parameters: dict) -> str:
    """The simplest candidate that is within a hair of the best one."""
    best = max(selection_auc.values())
    near = parameters["candidates"]["prefer_simple_within_auc"]
    return next(kind for kind, auc in selection_auc.items() if auc >= best - near)


def recipe(kind: str, features: list[str], parameters: dict) -> dict:
    """All that is needed to fit the same kind of model again."""
    used = {
        name: parameters[name] for name in ("candidates", "calibration", "seed", "threads", "scoring_threads")
    }
    return {"kind": kind, "features": features, "parameters": used}


def _train_in_a_run(home, as_of, frame: Frame, champion, parameters: dict, identity: dict) -> dict:
    mlflow, _ = registry.open_mlflow(home)
    with mlflow.start_run(experiment_id=registry.experiment_id(home), run_name=f"churn {as_of}") as run:
        mlflow.set_tags({**identity, "code_version": code_version()})
        mlflow.log_params(
            {**_flat(parameters), "features": len(frame.features), "labelled_rows": len(frame.rows)}
        )
        base = {"as_of": as_of.isoformat(), "run_id": run.info.run_id, "messages": frame.messages}
        try:
            split = split_frame(frame, parameters)
        except TooLittleData as outcome:
            summary = {"status": "too_little_data", "what_is_missing": outcome.what_is_missing, **base}
            missing = "; ".join(outcome.what_is_missing)
            _close(mlflow, summary, f"**Nothing was trained for {as_of}.** Too little data: {missing}.")
            return summary
        champion_recipe = registry.recipe_of(home, champion) if champion else None
        compared = compare(frame, split, parameters, champion_recipe)
        _log_comparison(mlflow, run.info.experiment_id, as_of, frame, split, compared)
        summary = {
            **base,
            **_judge(home, mlflow, frame, champion, compared, parameters, identity),
            "split": split.facts,
            "selection_auc": compared.selection_auc,
            "evaluation": compared.evaluation,
        }
        _close(mlflow, summary, describe(summary))
        return summary


def _judge(home, mlflow, frame, champion, compared: Comparison, parameters, identity) -> dict:
    """Refit the chosen candidate on all labels, log it, and say whether the gate opens for it."""
    from ml.models import fit_final

    promoted, reason = registry.gate(compared.evaluation, compared.chosen, champion, parameters)
    final = fit_final(compared.chosen, frame.rows, frame.features, parameters)
    mlflow.log_dict(recipe(compared.chosen, frame.features, parameters), "recipe.json")
    with tempfile.TemporaryDirectory() as folder:
        uri = registry.log_model(home, final, frame.features, Path(folder) / "model")
    status = "promoted" if promoted else "refused"
    tags = {**identity, "kind": compared.chosen, "promotion": status, "reason": reason}
    return {
        "status": status,
        "reason": reason,
        "kind": compared.chosen,
        "champion": champion.number if champion else None,
        "registration": {
            "model_uri": uri,
            "tags": tags,
            "description": f"{compared.chosen}: {reason}",
        },
    }


def _log_comparison(mlflow, experiment: str, as_of, frame: Frame, split: Split, compared: Comparison) -> None:
    from ml.plots import pictures

    test = frame.rows.loc[split.test]
    evaluation = compared.evaluation
    mlflow.log_params({f"split.{name}": value for name, value in split.facts.items()})
    mlflow.log_metrics({"test_base_rate": evaluation["base_rate"], "test_rows": evaluation["n"]})
    mlflow.log_metrics({f"selection_auc.{kind}": auc for kind, auc in compared.selection_auc.items()})
    for name, metrics in evaluation["models"].items():
        values = {
            metric + end: found[key]
            for metric, found in metrics.items()
            for end, key in (("", "value"), (".ci_low", "low"), (".ci_high", "high"))
            if np.isfinite(found[key])
        }
        # Without its experiment named a nested run would fall into the default one.
        with mlflow.start_run(experiment_id=experiment, run_name=f"{name} {as_of}", nested=True):
            mlflow.set_tags({"candidate": name, "as_of": as_of.isoformat()})
            mlflow.log_metrics(values)
        if name == compared.chosen:
            mlflow.log_metrics(values)
    # A feature's mean part does not need every row; a fixed step keeps it the same each time.
    some = test.iloc[:: max(1, len(test) // 5000)]
    parts = np.abs(compared.candidates[compared.chosen].contributions(some)).mean(axis=0)
    importance = {name: float(part) for name, part in zip(frame.features, parts, strict=True)}
    title = f"{split.facts['test_from']} to {split.facts['test_to']}, {evaluation['customers']:,} customers"
    for name, figure in pictures(compared.probabilities, test["label"], importance, title).items():
        mlflow.log_figure(figure, f"plots/{name}")
    mlflow.log_dict(evaluation, "evaluation.json")
    mlflow.log_dict(importance, "importance.json")


def describe(summary: dict) -> str:
    """The run in words for somebody who has never seen a ROC curve."""
    kind, evaluation = summary["kind"], summary["evaluation"]
    metrics, rule = evaluation["models"][kind], evaluation["models"]["rule"]
    lift, auc = metrics["top_decile_lift"], metrics["roc_auc"]
    return "\n\n".join(
        [
            f"**{summary['status'].capitalize()}**: {summary['reason']}.",
            f"Tested on {evaluation['customers']:,} customers from {summary['split']['test_from']} to "
            f"{summary['split']['test_to']}, of whom {evaluation['base_rate']:.1%} booked nothing within "
            "their horizon. The model learned only from outcomes that were known before the first date.",
            f"Among the tenth of customers with the highest risk {lift['value']:.1f} times as many churned "
            f"as among all (95 % CI {lift['low']:.1f} to {lift['high']:.1f}); by the inactivity rule "
            f"{rule['top_decile_lift']['value']:.1f}.",
            f"Of one churned and one kept customer the model ranks the churned one higher in "
            f"{auc['value']:.0%} of pairs (rule: {rule['roc_auc']['value']:.0%}; chance: 50 %). "
            f"Its probabilities are off by {metrics['calibration_error']['value']:.1%} on average.",
        ]
    )


def _close(mlflow, summary: dict, description: str) -> None:
    mlflow.set_tags({"status": summary["status"], "mlflow.note.content": description})
    if "reason" in summary:
        mlflow.set_tag("reason", summary["reason"])
    mlflow.log_dict(summary, "summary.json")


def code_version() -> str:
    """The commit of this checkout, or the hash of ml/ where there is none."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        return f"source-{source_hash()}"
    return found.stdout.strip() if found.returncode == 0 else f"source-{source_hash()}"


def _flat(values: dict, before: str = "") -> dict:
    flat = {}
    for name, value in values.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return flat
