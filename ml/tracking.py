"""Where runs are kept: MLflow of one home, its experiments, and a run that describes itself.

No server is needed: the tracking store is a SQLite file of this home, the artifacts are a folder beside it.
Where $ROUNDTRIP_MLFLOW_URI names a server, that one keeps both.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from roundtrip.files import remove_abandoned
from roundtrip.home import Home

EXPERIMENT = "roundtrip-churn"
MONITORING = "roundtrip-churn-monitoring"
SEGMENTS = "roundtrip-segments"
TEXTS = "roundtrip-texts"
UPLIFT = "roundtrip-uplift"

_EXPERIMENT_NOTES = {
    EXPERIMENT: (
        "Each run is one training for one date: which customers will book nothing within their horizon. "
        "The run's description begins with the model card in brief: how good it is, and whether it came into "
        "use; the runs inside it are the candidates, judged on the same later months.\n\n"
        "每次运行是某一日期的一次训练：哪些客户将在其期限内不再预订。运行说明以模型卡开头，说明模型有多好、是否启用；"
        "其中的子运行是各候选模型，在相同的后续月份上评估。"
    ),
    MONITORING: (
        "Each run looks after the model in use on one date: whether today's customers are still those it was "
        "released for, and whether what it said has come true. The run's description says it in words.\n\n"
        "每次运行在某一日期跟踪现用模型：今天的客户是否仍与启用时相似，它所说的是否应验。"
    ),
    SEGMENTS: (
        "Each run looks for clusters of customers on one date, whether they hold, and how they agree with "
        "the published rules for need segments. The run's description says it in words.\n\n"
        "每次运行在某一日期寻找客户群，检验其是否稳定，并与已发布的需求分群规则对照。"
    ),
    TEXTS: (
        "Each run learns from the company's own labelled texts what other texts mean, and says how well: by "
        "cross-validation with each customer in one fold, and on the newest texts.\n\n"
        "每次运行从企业自己标注的文本学习其他文本的含义，并说明有多准确。"
    ),
    UPLIFT: (
        "Each run learns from randomised campaigns what each action changes for each customer; the runs "
        "inside it are the learners, judged on customers that they had not seen. The run's description says "
        "it in words.\n\n"
        "每次运行从随机分组的活动中学习每种行动给每位客户带来的改变；子运行是各学习方法，在未见过的客户上评估。"
    ),
}


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


def experiment_id(home: Home, name: str = EXPERIMENT) -> str:
    """The id of one of the experiments named above (default: the trainings); made if it is not there."""
    _, client = open_mlflow(home)
    found = client.get_experiment_by_name(name)
    note = _EXPERIMENT_NOTES[name]
    if found is not None:
        # What an earlier version of this program said of it may be less.
        if found.tags.get("mlflow.note.content") != note:
            client.set_experiment_tag(found.experiment_id, "mlflow.note.content", note)
        return found.experiment_id
    is_own_file = home.mlflow_uri.startswith("sqlite:")
    artifacts = (home.mlflow_dir / "artifacts").as_uri() if is_own_file else None
    return client.create_experiment(name, artifacts, tags={"mlflow.note.content": note})


@contextmanager
def noted_run(
    home: Home, experiment: str, run_name: str, run_key: str, as_of: date, note: str, **tags: str
) -> Iterator[tuple]:
    """Start a run of one of the experiments above and say what it is; yields (mlflow, run).

    Args:
        run_key: by it the finished run is found again (finished_run_id).
        note: the run's description, Markdown.
    """
    mlflow, _ = open_mlflow(home)
    with mlflow.start_run(experiment_id=experiment_id(home, experiment), run_name=run_name) as run:
        mlflow.set_tags({"run_key": run_key, "as_of": as_of.isoformat(), "mlflow.note.content": note, **tags})
        yield mlflow, run


def finished_run_id(home: Home, run_key: str, experiment: str = EXPERIMENT) -> str | None:
    """The run of that key that came to its end, if there is one.

    Runs of that key which never finished were killed; they are closed as such.
    """
    _, client = open_mlflow(home)
    found = client.search_runs([experiment_id(home, experiment)], f"tags.run_key = '{run_key}'")
    for run in found:
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")
    done = [run for run in found if run.info.status == "FINISHED"]
    return done[0].info.run_id if done else None
