"""The tasks that DAGs wire: each runs one stage for the run's date."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from airflow.sdk import Asset, task

from roundtrip.airflow.policy import WRITER_POOL
from roundtrip.follow_up import follow_up
from roundtrip.home import Home
from roundtrip.stages import OnEvent, run_stage, stage_named


def as_of_for(context) -> date:
    """The date a DAG run is for.

    The parameter `as_of` if given; else that of the newest asset event that started the run; else the last
    whole day before the run's logical date.
    """
    if given := context["params"].get("as_of"):
        return date.fromisoformat(given)
    events = [event for several in context["triggering_asset_events"].values() for event in several]
    if events:
        newest = max(events, key=lambda event: event.timestamp)
        return date.fromisoformat(newest.extra["as_of"])
    run = context["dag_run"]
    return (run.logical_date or run.run_after).date() - timedelta(days=1)


def stage_task(
    name: str,
    *,
    writes: bool = False,
    announces: Asset | None = None,
    listener: Callable[[Any], OnEvent] | None = None,
):
    """A task that runs the stage `name`.

    Args:
        writes: it writes a DuckDB file, so it takes the only slot of the writers' pool.
        announces: the asset that is there once the task has succeeded.
        listener: made with the task's context; told what happens while the stage runs.
    """

    @task(
        task_id=name,
        doc_md=f"Stage `{name}`: {stage_named(name).does}.",
        pool=WRITER_POOL if writes else "default_pool",
        outlets=[announces] if announces else None,
    )
    def run_one_stage(**context):
        as_of = as_of_for(context)
        on_event = listener(context) if listener else None
        summary = run_stage(name, Home.from_env(), as_of, on_event=on_event)
        follow_up(Home.from_env(), as_of, name)
        if announces:
            context["outlet_events"][announces].extra = {"as_of": as_of.isoformat()}
        return summary

    return run_one_stage()


def dbt_task():
    """The one task that runs dbt for all models, with a light for each model hanging from it.

    What comes after waits for this task, not for the lights: they may be green while tests still run.
    docs/decisions/cosmos-watcher.md says why it is done this way.
    """
    from roundtrip.airflow.models import ModelNews, model_lights

    build = stage_task("build_warehouse", writes=True, listener=ModelNews)
    build >> model_lights(build.operator)
    return build
