"""Step 6, the registry: what MLflow keeps, which model is the champion, and the gate before it becomes that.

No server is needed: the tracking store is a SQLite file of this home, the artifacts are a folder beside it.
Where $ROUNDTRIP_MLFLOW_URI names a server, that one keeps both.
"""

import json
import logging
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from roundtrip.files import remove_abandoned, write_atomically
from roundtrip.home import Home

EXPERIMENT = "roundtrip-churn"
MODEL = "roundtrip-churn"
ALIAS = "champion"


@dataclass(frozen=True)
class Version:
    """A registered model: its number, the date it was trained for, and the run that made it."""

    number: str
    as_of: date
    run_id: str
    parameters_hash: str


def open_mlflow(home: Home):
    """MLflow pointed at this home, with telemetry and system metrics off; returns (mlflow, client)."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"] = "false"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    home.mlflow_dir.mkdir(parents=True, exist_ok=True)
    uri = home.mlflow_uri
    if uri.startswith("sqlite:"):
        _create_database(home)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return mlflow, mlflow.MlflowClient(uri, uri)


def _create_database(home: Home) -> None:
    """Make MLflow's tables beside the place and move them in whole.

    MLflow makes them in a hundred migrations, and can neither use nor finish what a killed one has left.
    """
    file = home.mlflow_dir / "mlflow.db"
    if file.exists():
        return
    from mlflow.store.db import utils

    remove_abandoned(home.mlflow_dir, "mlflow.db.*.new*")
    beside = file.with_name(f"mlflow.db.{os.getpid()}.new")
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{beside}")
    try:
        utils._initialize_tables(engine)
        engine.dispose()
        os.replace(beside, file)
    finally:
        engine.dispose()
        beside.unlink(missing_ok=True)


def experiment_id(home: Home) -> str:
    _, client = open_mlflow(home)
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return found.experiment_id
    is_own_file = home.mlflow_uri.startswith("sqlite:")
    artifacts = (home.mlflow_dir / "artifacts").as_uri() if is_own_file else None
    return client.create_experiment(EXPERIMENT, artifacts, tags=_EXPERIMENT_TAGS)


def champion_for(home: Home, as_of: date) -> Version | None:
    """The model in force on a date: the champion, or for a past date the newest one promoted until then.

    A model trained for a later date has seen outcomes that were unknown on `as_of`, so it may not score it.
    """
    if home.mlflow_uri.startswith("sqlite:") and not (home.mlflow_dir / "mlflow.db").exists():
        return None
    _, client = open_mlflow(home)
    current = _current_champion(client)
    if current is None or current.as_of <= as_of:
        return current
    promoted = [
        _version(found)
        for found in client.search_model_versions(f"name='{MODEL}'")
        if found.tags.get("promotion") == "promoted"
    ]
    known = [version for version in promoted if version.as_of <= as_of]
    return max(known, key=lambda version: (version.as_of, int(version.number)), default=None)


def _current_champion(client) -> Version | None:
    from mlflow.exceptions import MlflowException

    try:
        return _version(client.get_model_version_by_alias(MODEL, ALIAS))
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _version(found) -> Version:
    tags = found.tags
    return Version(
        str(found.version), date.fromisoformat(tags["as_of"]), found.run_id, tags["parameters_hash"]
    )


def finished_run(home: Home, run_key: str) -> dict | None:
    """The summary of a finished training with the same date, data, parameters and code, if there is one.

    Runs of that key which never finished were killed; they are closed as such.
    """
    mlflow, client = open_mlflow(home)
    found = client.search_runs([experiment_id(home)], f"tags.run_key = '{run_key}'")
    for run in found:
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")
    done = [run for run in found if run.info.status == "FINISHED"]
    return mlflow.artifacts.load_dict(f"runs:/{done[0].info.run_id}/summary.json") if done else None


def recent_refusal(home: Home, as_of: date, parameters_hash: str, days: int) -> dict | None:
    """The summary of a refused candidate trained less than `days` before `as_of` with the same parameters."""
    mlflow, client = open_mlflow(home)
    filters = f"tags.status = 'refused' AND tags.parameters_hash = '{parameters_hash}'"
    for run in client.search_runs([experiment_id(home)], filters):
        age = (as_of - date.fromisoformat(run.data.tags["as_of"])).days
        if run.info.status == "FINISHED" and 0 < age < days:
            return mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/summary.json")
    return None


def recipe_of(home: Home, version: Version) -> dict:
    """How a version was made: kind, features, and the parameters of fitting."""
    mlflow, _ = open_mlflow(home)
    return mlflow.artifacts.load_dict(f"runs:/{version.run_id}/recipe.json")


def summary_of(home: Home, version: Version) -> dict:
    """What the training that made a version returned, with its evaluation."""
    mlflow, _ = open_mlflow(home)
    return mlflow.artifacts.load_dict(f"runs:/{version.run_id}/summary.json")


def load(home: Home, version: Version):
    """The served model (ml.served.ChurnModel's twin, loaded from the registry) and its input names."""
    mlflow, _ = open_mlflow(home)
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL}/{version.number}")
    return loaded, loaded.metadata.get_input_schema().input_names()


def log_model(home: Home, model, features: list[str], folder: Path) -> str:
    """Log the model into the active run as code with plain files; returns its URI.

    The input example is one made-up customer without a single recorded value: examples are kept for long, and
    real rows would outlive an erasure request.
    """
    import importlib.metadata

    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    mlflow, _ = open_mlflow(home)
    model.save(folder)
    categories = model.spec["categories"]
    example = pd.DataFrame(
        {
            name: [(categories[name] or ["other"])[0]] if name in categories else [1.0]
            for name in model.spec["features"]
        }
    )
    kinds = ["string" if name in categories else "double" for name in features]
    inputs = [ColSpec(kind, name) for kind, name in zip(kinds, features, strict=True)]
    packages = ("mlflow", "lightgbm", "numpy", "pandas")
    logged = mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(__file__).with_name("served.py")),
        artifacts={"model": str(folder)},
        signature=ModelSignature(Schema(inputs), Schema([ColSpec("double")])),
        input_example=example,
        # Named, or MLflow would start a process and import everything to find them out.
        pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in packages],
    )
    return logged.model_uri


def gate(evaluation: dict, candidate: str, champion: Version | None, parameters: dict) -> tuple[bool, str]:
    """May the candidate become champion? The answer and the reason in a sentence.

    Args:
        evaluation: of ml.evaluate.evaluate, with the differences "<candidate> - rule" and, where there is a
            champion, "<candidate> - champion".
    """
    rules = parameters["promotion"]
    gain = evaluation["differences"][f"{candidate} - rule"]
    if gain["low"] > rules["min_gain_over_rule"]:
        reason = f"beats the inactivity rule: {_difference(gain)}"
    else:
        return False, f"does not clearly beat the inactivity rule: {_difference(gain)}"
    if champion is None:
        return True, f"{reason}; there was no champion"
    change = evaluation["differences"][f"{candidate} - champion"]
    if change["low"] > -rules["non_inferiority_auc"]:
        return True, f"{reason}; not worse than champion version {champion.number}: {_difference(change)}"
    return False, f"{reason}, but may be worse than champion version {champion.number}: {_difference(change)}"


def _difference(of: dict) -> str:
    return f"AUC difference {of['value']:+.4f} (95 % CI {of['low']:+.4f} to {of['high']:+.4f})"


def register(home: Home, model_uri: str, run_id: str, tags: dict[str, str], description: str) -> Version:
    """The version with its tags that a run made: a new one, unless it is there; no alias moves here."""
    _, client = open_mlflow(home)
    from mlflow.exceptions import MlflowException

    if there := client.search_model_versions(f"name='{MODEL}' and run_id='{run_id}'"):
        return _version(there[0])

    try:
        client.create_registered_model(MODEL, description=_MODEL_DESCRIPTION)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(MODEL, model_uri, run_id, tags=tags, description=description)
    return _version(client.get_model_version(MODEL, made.version))


def make_champion(home: Home, version: Version, reason: str) -> bool:
    """Move the alias to a version, unless the champion is of a later date; True when it is or was moved.

    A version becomes champion once: who has gone back to an older one since (`force_champion`) is not
    overruled by the same training run again.
    """
    _, client = open_mlflow(home)
    if any(line.get("run_id") == version.run_id for line in _champions(home)):
        return True
    current = _current_champion(client)
    if current is not None and current.as_of > version.as_of:
        return False
    force_champion(home, version.number, version.as_of, reason, version.run_id)
    return True


def force_champion(home: Home, number: str, as_of: date, reason: str, run_id: str | None = None) -> None:
    """Set the alias without a gate (a rollback), and write it down in mlflow/champions.jsonl.

    Args:
        run_id: of the training that made the version; None for a rollback.
    """
    _, client = open_mlflow(home)
    client.set_registered_model_alias(MODEL, ALIAS, number)
    lines = _champions(home)
    line = {"as_of": as_of.isoformat(), "version": number, "reason": reason, "run_id": run_id}
    if lines[-1:] != [line]:
        text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in [*lines, line])
        write_atomically(home.mlflow_dir / "champions.jsonl", text)


def _champions(home: Home) -> list[dict]:
    """Every move of the alias, oldest first: as_of, version, reason, run_id."""
    file = home.mlflow_dir / "champions.jsonl"
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


_EXPERIMENT_TAGS = {
    "mlflow.note.content": (
        "Each run is one training for one date: which customers will book nothing within their horizon. "
        "The run's description says in words how good the model is and whether it came into use; the runs "
        "inside it are the candidates, judged on the same later months."
    ),
}
_MODEL_DESCRIPTION = (
    "How likely a customer is to book nothing within the label's horizon (half a year to a year, by the "
    "customer's own rhythm). The version with the alias `champion` scores. See docs/models.md."
)
