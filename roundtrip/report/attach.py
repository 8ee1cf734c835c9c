"""Keeping a report with the model behind its scores: artefacts of the run in MLflow that trained it."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from roundtrip.home import Home

#: Below this folder of the run's artefacts, one folder a date.
FOLDER = "report"


def attach(home: Home, as_of: date, files: Mapping[str, str | bytes]) -> dict:
    """Put the files below `report/<as_of>/` of the run that trained the model in force on the date.

    Run again, they take the place of those of before. Nothing that MLflow does or fails to do raises: a
    report is a report without it.

    Args:
        files: content by name. MLflow may be a server of others, and is searched by an erasure only where it
            is a folder of this home: no file may name a customer.

    Returns:
        run_id and path where it was done; else not_logged, the reason.
    """
    try:
        return _attach(home, as_of, files)
    except Exception as error:  # MLflow's stores raise whatever their libraries do.
        return {"not_logged": f"{type(error).__name__}: {error}"}


def _attach(home: Home, as_of: date, files: Mapping[str, str | bytes]) -> dict:
    from ml.registry import champion_for
    from ml.tracking import open_mlflow

    champion = champion_for(home, as_of)
    if champion is None:
        return {"not_logged": "no model was in use on this date"}
    path = f"{FOLDER}/{as_of.isoformat()}"
    _, client = open_mlflow(home)
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = client.get_run(champion.run_id).info.artifact_uri
    if _is_elsewhere(home, uri):
        return {"not_logged": f"the model's artefacts are in {uri}, outside of this home: was it copied?"}
    # What is not written this time, such as a PDF without a browser, would belong to another report.
    gone = {artefact.path for artefact in client.list_artifacts(champion.run_id, path)}
    gone -= {f"{path}/{name}" for name in files}
    for artefact in sorted(gone):
        get_artifact_repository(uri).delete_artifacts(artefact)
    folder = home.tmp_dir / f"report-{as_of.isoformat()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            data = content.encode("utf-8") if isinstance(content, str) else content
            (folder / name).write_bytes(data)
        client.log_artifacts(champion.run_id, str(folder), path)
    finally:
        for name in files:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    return {"run_id": champion.run_id, "path": path}


def _is_elsewhere(home: Home, uri: str) -> bool:
    """Whether a home's own MLflow keeps artefacts in another folder. Its database holds absolute paths: that
    of a copied home names the original's folder, which is not the copy's to write to.
    """
    from mlflow.utils.file_utils import local_file_uri_to_path

    if not (home.mlflow_uri.startswith("sqlite:") and uri.startswith(("file:", "/"))):
        return False
    return not Path(local_file_uri_to_path(uri)).resolve().is_relative_to(home.mlflow_dir.resolve())
