"""Step 6, the registry: which models there are, which one is the champion, and which one takes its place."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ml import history
from ml.tracking import experiment_id, finished_run_id, open_mlflow
from roundtrip.errors import BadInput, DamagedFile
from roundtrip.home import Home
from roundtrip.lock import one_champion_at_a_time

if TYPE_CHECKING:
    from roundtrip.publish import Actor

MODEL = "roundtrip-churn"
ALIAS = "champion"
#: How a version was made: kind, features and the parameters of fitting; logged by its run.
RECIPE = "recipe.json"


@dataclass(frozen=True)
class Version:
    """A registered model: its number, the date it was trained for, and the run that made it."""

    number: str
    as_of: date
    run_id: str
    parameters_hash: str


@dataclass(frozen=True)
class InForce:
    """Who may score a date: the champion first, then whoever was in force before it, newest first.

    Attributes:
        versions: none of them knows the date's future; empty where nothing was ever promoted.
        warnings: what is missing, in sentences.
    """

    versions: list[Version]
    warnings: list[str]


def name_of(version: Version) -> str:
    """As tables name it, such as roundtrip-churn/3."""
    return f"{MODEL}/{version.number}"


def champion_for(home: Home, as_of: date) -> Version | None:
    """The model in force on a date: the champion, or for a past date the newest one in force until then."""
    return next(iter(in_force(home, as_of).versions), None)


def in_force(home: Home, as_of: date) -> InForce:
    """Who may score a date, and what of it is missing.

    A model trained for a later date has seen outcomes that were unknown on `as_of`, so it may not score it.
    Who stands in for a champion that is gone comes from the history, without those that were taken back.
    """
    before = history.in_force(history.moves(home))
    if not _has_database(home):
        if not before:
            return InForce([], [])
        named = f"the history names version {before[0].version} as champion"
        return InForce([], [f"{named}, but {_database_gone(home)}"])
    _, client = open_mlflow(home)
    current = _current_champion(client)
    there = {str(found.version): found for found in client.search_model_versions(f"name='{MODEL}'")}
    versions, warnings = ([current], []) if current else ([], [])
    if current is None and before:
        warnings.append(
            f"the alias `{ALIAS}` is missing in MLflow; by the history it is at version {before[0].version}"
        )
    for move in before:
        found = there.get(move.version)
        # After a lost database numbers begin again; the run tells one version 1 from the other.
        if found is None or move.run_id not in (None, found.run_id):
            if not versions:
                warnings.append(f"version {move.version}, in force by the history, is not in MLflow any more")
        elif _version(found) not in versions:
            versions.append(_version(found))
    if not before:
        promoted = [_version(found) for found in there.values() if found.tags.get("promotion") == "promoted"]
        promoted.sort(key=lambda version: (version.as_of, int(version.number)), reverse=True)
        versions += [version for version in promoted if version not in versions]
    return InForce([version for version in versions if version.as_of <= as_of], warnings)


def _has_database(home: Home) -> bool:
    return not home.mlflow_uri.startswith("sqlite:") or (home.mlflow_dir / "mlflow.db").exists()


def _database_gone(home: Home) -> str:
    return f"{home.mlflow_dir / 'mlflow.db'} is gone"


def challenger_to(home: Home, champion: Version | None, as_of: date) -> Version | None:
    """The newest version that is not in force: refused by the gate, or taken back; None without one.

    Only what was registered after the version that scores challenges it. The champion itself, where another
    one stands in for it, is no challenger: it cannot be loaded.
    """
    if champion is None:
        return None
    _, client = open_mlflow(home)
    current = _current_champion(client)
    newer = [
        version
        for version in map(_version, client.search_model_versions(f"name='{MODEL}'"))
        if int(version.number) > int(champion.number) and version.as_of <= as_of and version != current
    ]
    return max(newer, key=lambda version: int(version.number), default=None)


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
    """The summary of a finished training with the same date, data, parameters and code, if there is one."""
    mlflow, _ = open_mlflow(home)
    done = finished_run_id(home, run_key)
    return mlflow.artifacts.load_dict(f"runs:/{done}/summary.json") if done else None


def recent_refusal(home: Home, as_of: date, parameters_hash: str, days: int) -> dict | None:
    """The summary of a refused candidate trained less than `days` before `as_of` with the same parameters."""
    mlflow, _ = open_mlflow(home)
    for trained_for, run_id in _refusals(home, parameters_hash):
        if 0 < (as_of - trained_for).days < days:
            return mlflow.artifacts.load_dict(f"runs:/{run_id}/summary.json")
    return None


def newest_refusal(home: Home, as_of: date, parameters_hash: str) -> date | None:
    """The newest date up to `as_of` for which a candidate with these parameters was refused."""
    if not _has_database(home):
        return None
    dates = [trained_for for trained_for, _ in _refusals(home, parameters_hash)]
    return max((each for each in dates if each <= as_of), default=None)


def _refusals(home: Home, parameters_hash: str) -> list[tuple[date, str]]:
    """(date, run) of every finished training whose candidate was refused, newest run first."""
    _, client = open_mlflow(home)
    filters = f"tags.status = 'refused' AND tags.parameters_hash = '{parameters_hash}'"
    return [
        (date.fromisoformat(run.data.tags["as_of"]), run.info.run_id)
        for run in client.search_runs([experiment_id(home)], filters)
        if run.info.status == "FINISHED"
    ]


def run_file(home: Home, version: Version, name: str) -> dict | None:
    """A JSON file that the training of a version logged; None where it logged none of that name."""
    mlflow, client = open_mlflow(home)
    if name not in {item.path for item in client.list_artifacts(version.run_id)}:
        return None
    return mlflow.artifacts.load_dict(f"runs:/{version.run_id}/{name}")


def summary_of(home: Home, version: Version) -> dict:
    """What the training that made a version returned, with its evaluation."""
    mlflow, _ = open_mlflow(home)
    return mlflow.artifacts.load_dict(f"runs:/{version.run_id}/summary.json")


def load(home: Home, version: Version):
    """The served model (ml.served.ChurnModel's twin, loaded from the registry) and its input names.

    Raises:
        DamagedFile: a file of the model is not what was logged.
    """
    mlflow, _ = open_mlflow(home)
    place = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version.number}"))
    described = mlflow.models.Model.load(place)
    logged = (described.metadata or {}).get("sha256")
    # A text that was cut off may load all the same, and score with half of its trees.
    if logged and logged != _sha256(place / "artifacts" / "model"):
        raise DamagedFile(f"model version {version.number} is not what was logged", "put its files back")
    return mlflow.pyfunc.load_model(str(place)), described.get_input_schema().input_names()


def first_loadable(home: Home, as_of: date) -> tuple[Version | None, object | None, list[str], list[str]]:
    """Of the versions in force on a date the first that can be loaded: version, model, input names, warnings.

    Without one the first two are None; there are no warnings where no model was ever in force.
    """
    found = in_force(home, as_of)
    warnings = list(found.warnings)
    for version in found.versions:
        try:
            model, needed = load(home, version)
        except Exception as error:
            # Whatever is wrong with its files: the next one in line is better than no score at all.
            told = (str(error).strip().splitlines() or ["no message"])[0]
            warnings.append(
                f"model version {version.number} cannot be loaded: {type(error).__name__}: {told}"
            )
            continue
        return version, model, needed, warnings
    return None, None, [], warnings


def _sha256(folder: Path) -> str:
    """Of all files in a folder, by name."""
    state = hashlib.sha256()
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        state.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return state.hexdigest()


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
        metadata={"sha256": _sha256(folder)},
        # Named, or MLflow would start a process and import everything to find them out.
        pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in packages],
    )
    return logged.model_uri


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


def make_champion(home: Home, version: Version, reason: str, trigger: str | None = None) -> bool:
    """Move the alias to a version that passed the gate, and write it down; True if it is in force then.

    A version becomes champion once: who has gone back to an older one since (`roll_back`) is not overruled
    by the same training run again. Nor is a champion of a later date.

    Args:
        trigger: why it was trained, in a sentence.
    """
    _, client = open_mlflow(home)
    with one_champion_at_a_time(home):
        current = _current_champion(client)
        moves = history.moves(home)
        was_promoted = any(
            move.action == history.PROMOTED and move.run_id == version.run_id for move in moves
        )
        if was_promoted or (current is not None and current.as_of > version.as_of):
            return current == version
        _note_move_by_others(home, moves, current, version)
        client.set_registered_model_alias(MODEL, ALIAS, version.number)
        history.add(
            home,
            history.PROMOTED,
            version.number,
            version.as_of,
            reason,
            _registered_at(client, version),
            trigger=trigger,
            run_id=version.run_id,
        )
    return True


def roll_back(
    home: Home, to: str | None, as_of: date, reason: str, actor: "Actor", parameters_hash: str
) -> history.Move:
    """Put a version that was in force before in force again, and write down who did it and why.

    Killed between the move and the line, the same call again finishes it.

    Args:
        to: the version's number; None for the one in force before the champion.
        as_of: the date of the data on which it is done. actor: who does it, and when.
        parameters_hash: of the parameters in use; until they change no training overrules the rollback
            before its time (ml/retrain.py).

    Raises:
        BadInput: there is nothing to go back to, the version was never in force, is in force already, is of
            a later date, or cannot be loaded.
        Locked: another process is moving the champion.
    """
    if not reason.strip():
        raise BadInput("the reason is empty", "say why, for whoever reads the history next year")
    if not _has_database(home):
        raise BadInput(_database_gone(home), "put it back from your backup, or train anew")
    with one_champion_at_a_time(home):
        _, client = open_mlflow(home)
        current, moves = _current_champion(client), history.moves(home)
        version = _to_go_back_to(client, current, moves, to)
        last = moves[-1].version if moves else None
        if current == version and last == version.number:
            raise BadInput(f"version {version.number} is in force already", "nothing is to be done")
        if version.as_of > as_of:
            raise BadInput(
                f"version {version.number} was trained for {version.as_of} and may not score {as_of}",
                "choose an earlier version, or publish the later warehouse first",
            )
        try:
            load(home, version)
        except Exception as error:
            raise BadInput(
                f"version {version.number} cannot be loaded ({type(error).__name__})",
                "choose another version (`roundtrip model history` lists them)",
            ) from error
        _note_move_by_others(home, moves, current, version)
        client.set_registered_model_alias(MODEL, ALIAS, version.number)
        return history.add(
            home,
            history.ROLLED_BACK,
            version.number,
            as_of,
            reason.strip(),
            actor.acts_at,
            by=actor.name,
            run_id=version.run_id,
            parameters_hash=parameters_hash,
        )


def _to_go_back_to(client, current: Version | None, moves: list[history.Move], to: str | None) -> Version:
    were = list(dict.fromkeys(move.version for move in moves))
    if to is None:
        # By the history, not by the alias: a call that was killed after moving it must mean the same again.
        chain = [move.version for move in history.in_force(moves)]
        is_elsewhere = current is None or current.number not in chain[:2]
        if not chain[0 if is_elsewhere else 1 :]:
            raise BadInput("no version was in force before", "there is nothing to go back to")
        to = chain[0 if is_elsewhere else 1]
    there = {str(found.version): found for found in client.search_model_versions(f"name='{MODEL}'")}
    known = ", ".join(number for number in were if number in there) or "none"
    if to not in there:
        raise BadInput(f"there is no version {to}", f"versions that were in force: {known}")
    if to not in were:
        raise BadInput(
            f"version {to} was never in force: {there[to].tags.get('reason', 'it did not pass the gate')}",
            f"versions that were in force: {known}",
        )
    return _version(there[to])


def _note_move_by_others(
    home: Home, moves: list[history.Move], current: Version | None, upcoming: Version
) -> None:
    """Write down that the alias is elsewhere than the history says, unless the upcoming move put it there."""
    if not moves or current is None or current.number in (moves[-1].version, upcoming.number):
        return
    reason = f"found at version {current.number}: moved without Roundtrip"
    history.add(home, history.FOUND, current.number, current.as_of, reason, None, run_id=current.run_id)


def _registered_at(client, version: Version) -> str:
    milliseconds = client.get_model_version(MODEL, version.number).creation_timestamp
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


_MODEL_DESCRIPTION = (
    "How likely a customer is to book nothing within the label's horizon (half a year to a year, by the "
    "customer's own rhythm). The version with the alias `champion` scores. See docs/models.md.\n\n"
    "客户在标签期限内（半年至一年，按其自身预订节奏）不再预订的可能性。带有别名 `champion` 的版本用于评分。"
)
