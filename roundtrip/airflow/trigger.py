"""What runs in the triggerer for a model's light."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk.execution_time.xcom import XCom
from airflow.triggers.base import (
    BaseTrigger,
    TaskFailedEvent,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)

#: How often the dbt task is looked at: once for all its lights together.
LOOK_EVERY_SECONDS = 1.0
_ENDED = {"success", "failed", "upstream_failed", "skipped", "removed"}
_GOOD = {"success", "pass", "warn", "no-op"}


class _Watch:
    """The newest word of one dbt task, fetched at most once a second however many ask."""

    def __init__(self, dag_id: str, run_id: str, task_id: str):
        self.ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id}
        self.lock = asyncio.Lock()
        self.fetched_at = 0.0
        self.state: str | None = None
        self.models: dict[str, str] = {}

    async def look(self) -> tuple[str | None, dict[str, str]]:
        from roundtrip.airflow.models import MODELS_KEY

        async with self.lock:
            if time.monotonic() - self.fetched_at >= LOOK_EVERY_SECONDS:
                # The state first: what is told before the end is then in the models fetched after it.
                self.state = await _state_of(**self.ids)
                self.models = await XCom.aget_one(key=MODELS_KEY, **self.ids) or {}
                self.fetched_at = time.monotonic()
        return self.state, self.models


async def _state_of(dag_id: str, run_id: str, task_id: str) -> str | None:
    from airflow.sdk.execution_time.comms import GetTaskStates
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    answer = await SUPERVISOR_COMMS.asend(GetTaskStates(dag_id=dag_id, task_ids=[task_id], run_ids=[run_id]))
    state = answer.task_states.get(run_id, {}).get(task_id)
    return None if state is None else str(state)


_watches: dict[tuple[str, str, str], _Watch] = {}


class ModelTrigger(BaseTrigger):
    """Ends its light's task as the model ended, as soon as the dbt task says so."""

    def __init__(self, model: str, watches: str):
        super().__init__()
        self.model = model
        self.watches = watches

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "roundtrip.airflow.trigger.ModelTrigger", {"model": self.model, "watches": self.watches}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        key = (self.task_instance.dag_id, self.task_instance.run_id, self.watches)
        watch = _watches.setdefault(key, _Watch(*key))
        while True:
            state, models = await watch.look()
            if outcome := outcome_of(models.get(self.model), state):
                yield outcome
                return
            await asyncio.sleep(LOOK_EVERY_SECONDS)


def outcome_of(model_state: str | None, task_state: str | None) -> TriggerEvent | None:
    """How a light ends, or None while nothing is known.

    Args:
        model_state: what dbt said of the model, if it has.
        task_state: the dbt task's state in Airflow.
    """
    if model_state in _GOOD:
        return TaskSuccessEvent()
    if model_state == "skipped":
        return TaskSkippedEvent()
    if model_state is not None:
        return TaskFailedEvent()
    if task_state == "success":
        # Nothing to build of its own, such as an ephemeral model.
        return TaskSuccessEvent()
    if task_state in _ENDED:
        return TaskSkippedEvent()
    return None
