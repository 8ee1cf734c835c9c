"""Step 5, training: frame → split → candidates → verdict → final fit → registry, once per date and data.

`train(home, as_of)` is the stage. It never fails for want of data: it says what is missing, and the
inactivity rule goes on scoring.
"""

import subprocess
import tempfile
from datetime import date
from pathlib import Path

from ml import registry, tracking
from ml.card import write_card
from ml.choice import Comparison, compare, recipe
from ml.drift import REFERENCE, reference_of
from ml.frame import Frame, read_frame
from ml.gate import gate
from ml.model_card.about import about
from ml.profit import with_company_costs
from ml.quality import in_depth
from ml.retrain import Decision, decide
from ml.run_log import describe, log_card, log_comparison, run_name
from ml.sentences import Sentence, in_chinese, words
from ml.settings import digest, source_hash
from ml.settings import parameters as read_parameters
from ml.split import TooLittleData, split_frame
from roundtrip.home import PROJECT_ROOT, Home

say = words("training")


def train(home: Home, as_of: date) -> dict:
    """Train, evaluate and perhaps promote a churn model for a date.

    Returns:
        `status`: promoted | refused | too_little_data | champion_is_fresh | refused_recently, with `as_of`
        and, by status, `what_is_missing`, `reason`, `version`, `champion`, `split`,
        `evaluation`, `messages`, `run_id`; words also in Chinese (`reason_zh` …).

    Raises:
        BadInput: no published warehouse, or a table is missing in it.
    """
    outcome = _outcome(home, as_of)
    write_card(home, as_of, outcome)
    return outcome


def _outcome(home: Home, as_of: date) -> dict:
    parameters = with_company_costs(read_parameters(), home)
    parameters_hash = digest(parameters)
    champion = registry.champion_for(home, as_of)
    decision = decide(home, as_of, champion, parameters_hash, parameters)
    if decision.trigger is None:
        return _not_due(home, as_of, champion, parameters, parameters_hash, decision)
    frame = read_frame(home, as_of, parameters)
    identity = {
        "as_of": as_of.isoformat(),
        "data_hash": frame.data_hash,
        "parameters_hash": parameters_hash,
        "source_hash": source_hash(),
    }
    run_key = digest(identity)
    done = registry.finished_run(home, run_key) or _train_in_a_run(
        home, as_of, frame, champion, parameters, {**identity, "run_key": run_key}, decision
    )
    return _put_in_force(home, done)


def _not_due(home, as_of, champion, parameters, parameters_hash, decision: Decision) -> dict:
    days = parameters["promotion"]["retrain_after_days"]
    said = {"as_of": as_of.isoformat(), "trained_because": decision.said()}
    if refused := registry.recent_refusal(home, as_of, parameters_hash, days):
        return {
            **_put_in_force(home, refused),
            "status": "refused_recently",
            "tried_for": refused["as_of"],
            **said,
        }
    return {
        "status": "champion_is_fresh",
        "champion": champion.number,
        "trained_for": champion.as_of.isoformat(),
        **said,
    }


def _put_in_force(home: Home, summary: dict) -> dict:
    """Register what a finished training made, and move the alias if the gate opened; again does nothing.

    After the run has finished, not in it: a killed training leaves no version behind, and the version that
    is published with the scores is the same as if nothing had been killed.
    """
    if "registration" not in summary:
        return summary
    version = registry.register(home, run_id=summary["run_id"], **summary.pop("registration"))
    if summary["status"] == "promoted":
        why = summary["trained_because"]["reason"]
        registry.make_champion(home, version, summary["reason"], why)
    champion = registry.champion_for(home, date.fromisoformat(summary["as_of"]))
    return {**summary, "version": version.number, "champion": champion.number if champion else None}


def _train_in_a_run(
    home, as_of, frame: Frame, champion, parameters: dict, identity: dict, decision: Decision
) -> dict:
    mlflow, _ = tracking.open_mlflow(home)
    with mlflow.start_run(experiment_id=tracking.experiment_id(home), run_name=run_name(as_of)) as run:
        why = {"trigger": decision.trigger, "trained_because": decision.reason}
        mlflow.set_tags({**identity, **why, "code_version": code_version()})
        mlflow.log_params(
            {**_flat(parameters), "features": len(frame.features), "labelled_rows": len(frame.rows)}
        )
        messages = frame.messages
        base = {
            "as_of": as_of.isoformat(),
            "run_id": run.info.run_id,
            "trained_because": decision.said(),
            "about": about(home, frame, parameters, identity, code_version()),
        }
        try:
            split = split_frame(frame, parameters)
        except TooLittleData as outcome:
            summary = {
                "status": "too_little_data",
                "what_is_missing": outcome.what_is_missing,
                "what_is_missing_zh": in_chinese(outcome.what_is_missing),
                **_told(messages),
                **base,
            }
            missing = "; ".join(outcome.what_is_missing)
            _close(mlflow, summary, f"**Nothing was trained for {as_of}.** Too little data: {missing}.")
            return summary
        champion_recipe = registry.run_file(home, champion, registry.RECIPE) if champion else None
        if champion and champion_recipe is None:
            messages = [*messages, say("run_is_gone", number=champion.number)]
            champion = None
        compared = compare(frame, split, parameters, champion_recipe)
        compared.evaluation |= in_depth(
            home,
            frame,
            frame.rows.loc[split.test],
            compared.probabilities,
            compared.chosen,
            compared.parameters,
        )
        importance = log_comparison(mlflow, run.info.experiment_id, as_of, frame, split, compared)
        summary = {
            **base,
            **_judge(home, mlflow, frame, champion, compared, parameters, {**identity, **why}),
            "split": split.facts,
            "selection_auc": compared.selection_auc,
            "selection": compared.selection,
            "evaluation": compared.evaluation,
            "importance": importance,
            **_told([*messages, *compared.messages]),
        }
        _close(mlflow, summary, f"Trained because {decision.reason}.\n\n{describe(summary)}")
        return summary


def _told(messages: list[Sentence]) -> dict[str, list[str]]:
    return {"messages": messages, "messages_zh": in_chinese(messages)}


def _judge(home, mlflow, frame, champion, compared: Comparison, parameters, identity) -> dict:
    """Refit the chosen candidate on all labels, log it, and say whether the gate opens for it."""
    from ml.models import fit_final

    promoted, reason = gate(compared.evaluation, compared.chosen, champion, parameters)
    final = fit_final(compared.chosen, frame.rows, frame.features, compared.parameters, frame)
    mlflow.log_dict(recipe(compared.chosen, frame.features, compared.parameters), registry.RECIPE)
    as_of = date.fromisoformat(identity["as_of"])
    mlflow.log_dict(reference_of(home, as_of, final, frame.features, parameters), REFERENCE)
    with tempfile.TemporaryDirectory() as folder:
        uri = registry.log_model(home, final, frame.features, Path(folder) / "model")
    status = "promoted" if promoted else "refused"
    tags = {**identity, "kind": compared.chosen, "promotion": status, "reason": reason}
    return {
        "status": status,
        "reason": reason,
        "reason_zh": reason.zh,
        "kind": compared.chosen,
        "champion": champion.number if champion else None,
        "registration": {
            "model_uri": uri,
            "tags": tags,
            "description": f"{compared.chosen}: {reason}",
        },
    }


def _close(mlflow, summary: dict, description: str) -> None:
    """The card first: in the run's description and the version's, then what else there is to say."""
    links, brief = log_card(mlflow, summary)
    if "registration" in summary:
        summary["registration"]["description"] = f"{links}\n\n{summary['registration']['description']}"
    note = f"{brief}\n\n---\n\n{description}"
    mlflow.set_tags({"status": summary["status"], "mlflow.note.content": note})
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
