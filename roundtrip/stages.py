"""The stages of a day, in order: the one list that the command line, the DAGs and the docs share."""

import importlib
import inspect
import json
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from roundtrip.disk import explained
from roundtrip.errors import RoundtripError
from roundtrip.files import write_atomically
from roundtrip.home import Home

#: Called by a stage with something to show: what, its state, seconds taken.
OnEvent = Callable[[str, str, float], None]


@dataclass(frozen=True)
class Stage:
    """One step of the road. `function` is `module:name`, imported only when the stage runs."""

    name: str
    dag: str
    does: str
    function: str


STAGES = (
    Stage("read_files", "ingest", "reads new files, sets bad rows aside", "roundtrip.ingest:read_files"),
    Stage("landing_gate", "build", "checks what came in", "roundtrip.gates:landing_gate"),
    Stage("load", "build", "loads the batch and accounts for every row", "roundtrip.ingest:load"),
    Stage("erase", "build", "takes out whoever asked to be forgotten", "roundtrip.erase:erase"),
    Stage("identify", "build", "finds accounts that are one person's", "roundtrip.identity.stage:identify"),
    Stage("build_warehouse", "build", "builds the marts with dbt", "roundtrip.build:build_warehouse"),
    Stage("marts_gate", "build", "checks what would go out", "roundtrip.gates:marts_gate"),
    Stage("publish", "build", "replaces the published warehouse", "roundtrip.publish:publish"),
    Stage("monitor", "train", "looks after the model in use", "ml.drift:monitor"),
    Stage("train", "train", "trains and judges the churn models", "ml.train:train"),
    Stage("score", "score", "scores every customer", "ml.score:score"),
    Stage("publish_scores", "score", "publishes the scores", "roundtrip.publish:publish_scores"),
    Stage("find_segments", "retain", "groups customers by what they need", "ml.segments:find_segments"),
    Stage("read_texts", "retain", "reads complaints and reviews", "ml.texts:read_texts"),
    Stage("measure", "retain", "measures what was done before", "roundtrip.measure:measure"),
    Stage("learn_uplift", "retain", "learns what each action changes", "ml.uplift:learn_uplift"),
    Stage("warn", "retain", "warns of customers about to leave", "roundtrip.warn:warn"),
    Stage("decide", "retain", "proposes what to do within the budget", "roundtrip.rounds:decide"),
    Stage("act", "retain", "sends what was approved", "roundtrip.rounds:act"),
    Stage("follow_plan", "retain", "follows the rollout plan", "roundtrip.rollout:follow_plan"),
    Stage("publish_actions", "retain", "publishes warnings and effects", "roundtrip.publish:publish_actions"),
    Stage("report", "report", "writes the report", "roundtrip.report:report"),
)


def stage_named(name: str) -> Stage:
    """The stage of that name.

    Raises:
        RoundtripError: there is none.
    """
    for stage in STAGES:
        if stage.name == name:
            return stage
    raise RoundtripError(
        f"there is no stage {name!r}", "stages are: " + ", ".join(stage.name for stage in STAGES)
    )


def run_stage(name: str, home: Home, as_of: date, on_event: OnEvent | None = None) -> dict:
    """Run one stage and keep a record of it in `runs/<as_of>/<stage>.json`.

    Returns:
        The stage's summary.

    Raises:
        RoundtripError: what the stage raised, or what is behind it; the record then says `failed` and why.
    """
    stage = stage_named(name)
    started = time.monotonic()
    record = {
        "stage": name,
        "as_of": as_of.isoformat(),
        "status": "running",
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        _keep(home, as_of, record)
        module, function_name = stage.function.split(":")
        function = getattr(importlib.import_module(module), function_name)
        shows_events = on_event is not None and "on_event" in inspect.signature(function).parameters
        summary = function(home, as_of, on_event=on_event) if shows_events else function(home, as_of)
        _keep(home, as_of, record | {"status": "done", "summary": summary, **_seconds(started)})
    except BaseException as error:
        told = explained(error, home) or error
        # Where there is no room for the record either, the error is what has to be heard.
        with suppress(OSError):
            _keep(home, as_of, record | {"status": "failed", **_failure(told), **_seconds(started)})
        if told is error:
            raise
        raise told from error
    return summary


def _seconds(started: float) -> dict:
    return {"seconds": round(time.monotonic() - started, 2)}


def _failure(error: BaseException) -> dict:
    is_ours = isinstance(error, RoundtripError)
    message = error.message if is_ours else "".join(traceback.format_exception_only(error)).strip()
    return {"kind": type(error).__name__, "error": message, "hint": error.hint if is_ours else None}


def records(home: Home, as_of: date) -> list[dict]:
    """What is known of the stages run for a date, in the stages' order."""
    found = []
    for stage in STAGES:
        file = home.runs_dir / as_of.isoformat() / f"{stage.name}.json"
        if file.exists():
            found.append(json.loads(file.read_text(encoding="utf-8")))
    return found


def _keep(home: Home, as_of: date, record: dict) -> None:
    file = home.runs_dir / as_of.isoformat() / f"{record['stage']}.json"
    write_atomically(file, json.dumps(record, indent=2, ensure_ascii=False, default=str))
