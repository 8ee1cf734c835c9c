"""`roundtrip run` through Airflow: its own scheduler walks the road, this process starts it and watches."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

from rich.console import Console

from roundtrip import errors
from roundtrip.airflow.api import AirflowApi
from roundtrip.airflow.database import end_interrupted_runs
from roundtrip.airflow.display import Display
from roundtrip.airflow.environment import HOST, airflow_environment, free_port, prepare
from roundtrip.airflow.follow import DAG_ORDER, RoadState, follow
from roundtrip.airflow.processes import AirflowProcesses, end_leftovers, wait_until
from roundtrip.errors import RoundtripError
from roundtrip.home import Home
from roundtrip.process_signals import ending_on_signals
from roundtrip.stages import STAGES, records

START_SECONDS = 180


def run_through_airflow(home: Home, as_of: date, console: Console) -> None:
    """Walk the whole road for a date with Airflow's scheduler.

    Uses the servers of `make up` where they run; else starts Airflow for this run and stops it afterwards.

    Raises:
        RoundtripError: what a stage raised, with its class, or what kept Airflow from running it.
    """
    with ending_on_signals(), _airflow(home, console) as api, _started(api, as_of) as run_id:
        with Display(console) as display:
            for road in follow(api, run_id):
                display.show(road)
        if road.failed_dag:
            raise _failure(home, as_of, api, road)


@contextlib.contextmanager
def _airflow(home: Home, console: Console) -> Iterator[AirflowApi]:
    if address := running_address(home):
        api = AirflowApi(home, address)
        api.log_in()
        wait_until(lambda: _is_ready(api), f"Airflow at {address}", START_SECONDS)
        yield api
        return
    started_at = datetime.now(UTC)
    started = time.monotonic()
    with console.status("preparing Airflow"):
        end_leftovers(home)
        prepare(home)
        end_interrupted_runs(home)
    port = free_port()
    with AirflowProcesses(home, airflow_environment(home, port)) as processes:
        api = AirflowApi(home, f"http://{HOST}:{port}")
        with console.status("starting Airflow"):
            wait_until(api.health, "Airflow's API server", START_SECONDS, processes)
            api.log_in()
            api.warm_up()
            wait_until(lambda: _is_ready(api, started_at), "Airflow's scheduler", START_SECONDS, processes)
        console.print(f"Airflow is up after {time.monotonic() - started:.0f} s", style="dim", highlight=False)
        yield api


def running_address(home: Home) -> str | None:
    """The address of this home's Airflow if `make up` started one that still runs."""
    from roundtrip.servers import status

    rows = {row["name"]: row for row in status(home)}
    return rows["airflow-api-server"]["address"]


def _is_ready(api: AirflowApi, parsed_since: datetime | None = None) -> bool:
    """Whether all parts are healthy and all DAGs are there, read since then if a time is given.

    Raises:
        RoundtripError: a DAG cannot be imported.
    """
    if problems := api.import_errors():
        told = "\n".join(f"{p['filename']}: {p['stack_trace'].strip().splitlines()[-1]}" for p in problems)
        raise RoundtripError(f"Airflow cannot import a DAG\n{told}", "the file named there must be mended")
    health = api.health() or {}
    parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
    if any((health.get(part) or {}).get("status") != "healthy" for part in parts):
        return False
    dags = api.dags()
    if not set(DAG_ORDER) <= set(dags):
        return False
    read_at = [datetime.fromisoformat(dags[dag]["last_parsed_time"]) for dag in DAG_ORDER]
    return parsed_since is None or min(read_at) >= parsed_since


@contextlib.contextmanager
def _started(api: AirflowApi, as_of: date) -> Iterator[str]:
    """Start the road, with its DAGs unpaused for as long as it takes; yields the first DAG run's id."""
    dags = api.dags()
    paused = [dag for dag in DAG_ORDER if dags[dag]["is_paused"]]
    try:
        for dag in paused:
            api.pause(dag, False)
        yield api.trigger(DAG_ORDER[0], as_of, datetime.now(UTC))
    finally:
        for dag in paused:
            # The run's outcome matters more than this; Airflow may be going down already.
            with contextlib.suppress(Exception):
                api.pause(dag, True)


def _failure(home: Home, as_of: date, api: AirflowApi, road: RoadState) -> RoundtripError:
    """The error of the stage that failed, as its record has it; without one, the end of the task's log."""
    dag_id, logs = road.failed_dag, home.logs_dir / "airflow"
    stages = {stage.name for stage in STAGES}
    failed = [task for task in road.tasks[dag_id] if task.state == "failed"]
    if not failed:
        return RoundtripError(
            f"the DAG {dag_id} failed, but none of its tasks did", f"the logs are in {logs}"
        )
    # A stage before the lights of its models: it has the reason.
    task = min(failed, key=lambda task: task.task_id not in stages)
    record = next((kept for kept in records(home, as_of) if kept["stage"] == task.task_id), {})
    kind = getattr(errors, record.get("kind") or "", None)
    if record.get("status") == "failed" and kind is not None:
        return kind(f"{task.task_id}: {record['error']}", record["hint"])
    tail = api.log_tail(dag_id, road.run_ids[dag_id], task.task_id, max(task.try_number, 1))
    what = f"{task.task_id} failed in Airflow; the end of its log:"
    return RoundtripError("\n    ".join([what, *tail]), f"the logs are in {logs}")
