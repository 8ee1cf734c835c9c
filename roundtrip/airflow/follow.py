"""Following one run of the road through its DAG runs, from event to event."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from roundtrip.airflow.api import AirflowApi
from roundtrip.errors import RoundtripError
from roundtrip.stages import STAGES

#: The DAGs in the order in which the road passes through them.
DAG_ORDER = tuple(dict.fromkeys(stage.dag for stage in STAGES))
_ENDED = ("success", "failed")
#: An event starts the next DAG within a second or two; this long, and something holds it back.
PATIENCE_SECONDS = 120


@dataclass
class TaskState:
    """One task of a DAG run as last seen."""

    dag_id: str
    task_id: str
    state: str | None
    seconds: float | None
    try_number: int


@dataclass
class RoadState:
    """Everything of one run as last seen: per DAG its run id, its state and its tasks."""

    run_ids: dict[str, str]
    states: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, list[TaskState]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def failed_dag(self) -> str | None:
        return next((dag for dag, state in self.states.items() if state == "failed"), None)

    @property
    def is_done(self) -> bool:
        return self.states.get(DAG_ORDER[-1]) == "success"


def follow(api: AirflowApi, first_run_id: str, every_seconds: float = 1.0) -> Iterator[RoadState]:
    """Yield the run's state again and again until it is done or has failed.

    A DAG run belongs to it when an asset event of the DAG run before it started it; not by its time.

    Raises:
        RoundtripError: a DAG ended well and the next one was not started by it.
    """
    road = RoadState(run_ids={DAG_ORDER[0]: first_run_id})
    started = moved_at = time.monotonic()
    while True:
        for before, after in pairwise(DAG_ORDER):
            if before in road.run_ids and after not in road.run_ids:
                caused = api.runs_caused_by(before, road.run_ids[before])
                if after in caused:
                    road.run_ids[after] = caused[after]
                elif api.has_unfinished_run(after):
                    # One run of a DAG at a time: ours is created when that one is done.
                    moved_at = time.monotonic()
                elif road.states.get(before) == "success" and time.monotonic() - moved_at > PATIENCE_SECONDS:
                    raise RoundtripError(
                        f"the DAG {after} did not start within {PATIENCE_SECONDS} s of {before}'s success",
                        f"see in Airflow whether {after} is paused",
                    )
        for dag_id, run_id in road.run_ids.items():
            if road.states.get(dag_id) not in _ENDED:
                moved_at = time.monotonic()
                # The state first: an ended run's tasks, read after it, are final.
                state = api.run(dag_id, run_id)["state"]
                road.tasks[dag_id] = [
                    TaskState(dag_id, t["task_id"], t["state"], t["duration"], t["try_number"])
                    for t in api.tasks(dag_id, run_id)
                ]
                road.states[dag_id] = state
        road.seconds = time.monotonic() - started
        yield road
        if road.is_done or road.failed_dag:
            return
        time.sleep(every_seconds)
