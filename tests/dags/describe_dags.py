"""Imports every DAG file as Airflow does and prints what it finds as JSON; a process of its own.

The modules that are loaded afterwards, and the seconds it took, are part of what is found.
"""

import json
import sys
import time
from pathlib import Path


def describe_task(task) -> dict:
    return {
        "owner": task.owner,
        "retries": task.retries,
        "backoff": task.retry_exponential_backoff,
        "has_retry_policy": task.retry_policy is not None,
        "timeout_s": task.execution_timeout.total_seconds() if task.execution_timeout else None,
        "callbacks": [callback.__name__ for callback in task.on_failure_callback or []],
        "pool": task.pool,
        "doc": task.doc_md,
        "operator": type(task).__name__,
        "upstream": sorted(task.upstream_task_ids),
        "outlets": [asset.name for asset in task.outlets],
    }


def describe_dag(dag) -> dict:
    condition = getattr(dag.timetable, "asset_condition", None)
    return {
        "file": Path(dag.fileloc).name,
        "tags": sorted(dag.tags),
        "doc": dag.doc_md,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "cron": getattr(dag.timetable, "expression", None),
        "waits_for": [asset.name for asset in condition.objects] if condition else [],
        "tasks": {task.task_id: describe_task(task) for task in dag.tasks},
    }


def main(folder: Path) -> None:
    import airflow.sdk  # noqa: F401  Airflow's own import is not the DAGs' doing.
    from airflow.dag_processing.dagbag import DagBag

    before = set(sys.modules)
    started = time.monotonic()
    bag = DagBag(dag_folder=str(folder))
    seconds = time.monotonic() - started
    found = {
        "seconds": seconds,
        "import_errors": {Path(file).name: error for file, error in bag.import_errors.items()},
        "modules": sorted({name.split(".")[0] for name in set(sys.modules) - before}),
        "dags": {dag_id: describe_dag(dag) for dag_id, dag in bag.dags.items()},
    }
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
