"""What stands now, and whether it is healthy: the signs that the status page and the start page show."""

import json
import shutil
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from roundtrip.home import Home
from roundtrip.publish import newer_than_current, versions
from roundtrip.rounds import store
from roundtrip.runs.history import PastRun, parameters
from roundtrip.runs.read import MODEL_STAGES, newest_run, open_rows, summary_of

GOOD, WATCH, BAD, NONE = "good", "watch", "bad", "none"
#: Kind of error → section of docs/runbooks.md; any other: what to look at first.
_SECTIONS = {
    "BadInput": "a-file-cannot-be-read",
    "GateFailed": "a-gate-refuses-the-data",
    "CheckBroken": "a-check-is-broken",
    "Locked": "exit-code-5-held-by-another-process",
    "DiskFull": "exit-code-6-the-disk-is-full",
    "DamagedFile": "exit-code-7-a-file-is-damaged",
}
FIRST_LOOK = "something-failed-where-to-look"
KILLED = "the-machine-went-down-in-the-middle-of-a-run"


@dataclass(frozen=True)
class Sign:
    """One thing that stands now.

    Attributes:
        name: run, delivery, publication, checks, model, rows, round or disk.
        state: good, watch (somebody should know), bad (somebody has to act) or none (nothing there yet).
        says: which of the texts `sign.<name>.…` tells it, with these values.
        section: of docs/runbooks.md, as its heading is linked; None where nothing has to be done.
    """

    name: str
    state: str
    says: str
    values: dict[str, Any] = field(default_factory=dict)
    section: str | None = None


def signs(home: Home, runs: list[PastRun], is_server: bool = False) -> tuple[Sign, ...]:
    """What stands now, in the order in which it is read.

    Args:
        runs: of past_runs, newest first.
        is_server: leave out what opens raw (refused rows): whoever looks at a page must not stand in the way
            of a run that writes it.
    """
    last = runs[0] if runs else None
    return (
        _run(last),
        _publication(home, last),
        _delivery(runs),
        _checks(last),
        _model(home, last),
        *(() if is_server else (_rows(home),)),
        _round(home),
        _disk(home),
    )


def section_of(run: PastRun) -> str | None:
    """The section of the runbooks for how a run ended."""
    if run.outcome == "failed":
        return _SECTIONS.get(run.stopped_at.kind, FIRST_LOOK)
    return KILLED if run.outcome in ("killed", "running") else None


def _run(last: PastRun | None) -> Sign:
    if last is None:
        return Sign("run", NONE, "none")
    state = {"done": GOOD, "failed": BAD}.get(last.outcome, WATCH)
    stage = last.stopped_at.name if last.stopped_at else None
    return Sign("run", state, last.outcome, {"as_of": last.as_of, "stage": stage}, section_of(last))


def _delivery(runs: list[PastRun]) -> Sign:
    if not runs:
        return Sign("delivery", NONE, "none")
    newest = max(run.as_of for run in runs)
    delivered = [run.as_of for run in runs if run.rows_in]
    if not delivered:
        return Sign("delivery", WATCH, "never", section="late-data")
    days = (newest - max(delivered)).days
    values = {"as_of": max(delivered), "days": days}
    if days > parameters()["delivery_days_watched"]:
        return Sign("delivery", WATCH, "late", values, "late-data")
    return Sign("delivery", GOOD, "today" if days == 0 else "before", values)


def _publication(home: Home, last: PastRun | None) -> Sign:
    current = versions.current(home)
    if current is None and home.current_db.exists():
        return Sign("publication", WATCH, "unknown", section="restore-from-a-backup")
    if current is None:
        return Sign(
            "publication", NONE if last is None else BAD, "none", section=None if last is None else FIRST_LOOK
        )
    as_of = date.fromisoformat(current.lineage["as_of"])
    values = {"as_of": as_of, "version": current.name, "days": (last.as_of - as_of).days if last else 0}
    if newer_than_current(home):
        return Sign("publication", WATCH, "rolled_back", values, "what-was-published-is-wrong-roll-back")
    if values["days"] > 0:
        return Sign("publication", BAD, "behind", values, section_of(last) or FIRST_LOOK)
    return Sign("publication", GOOD, "current" if values["days"] == 0 else "later", values)


def _checks(last: PastRun | None) -> Sign:
    if last is None or all(gate.state == "not_run" for gate in last.gates):
        return Sign("checks", NONE, "none")
    values = {"checks": sum(gate.checks for gate in last.gates)}
    for severity, state, section in (
        ("broken", BAD, "a-check-is-broken"),
        ("fail", BAD, "a-gate-refuses-the-data"),
        ("warn", WATCH, "a-check-warns"),
    ):
        if found := last.problems(severity):
            return Sign("checks", state, severity, {**values, "n": found}, section)
    return Sign("checks", GOOD, "passed", values)


def _model(home: Home, last: PastRun | None) -> Sign:
    card = _read(home.champion_file)
    if card is None or last is None:
        return Sign("model", NONE, "none")
    kept = newest_run(home, last.as_of)
    warned = [stage for stage in MODEL_STAGES if summary_of(kept, stage).get("warnings")]
    if card.get("status") != "champion":
        says = card.get("status") if card.get("status") in ("refused", "too_little_data") else "no_champion"
        return Sign("model", WATCH, says, section="no-champion")
    values = {
        "version": card["model_version"],
        "as_of": date.fromisoformat(card["trained_as_of"]),
        "auc": card["test_auc"],
        "rule_auc": card["baseline_auc"],
    }
    if "score" in warned:
        return Sign("model", BAD, "missing", values, "a-model-is-gone")
    if warned:
        return Sign("model", WATCH, "drifts", values, "the-model-drifts")
    if (last.as_of - values["as_of"]).days > parameters()["champion_days_watched"]:
        return Sign("model", WATCH, "old", values, "no-champion")
    return Sign("model", GOOD, "champion", values)


def _rows(home: Home) -> Sign:
    rows = open_rows(home)
    if rows is None:
        return Sign("rows", NONE, "unknown")
    if rows:
        return Sign("rows", WATCH, "open", {"rows": rows}, "refused-rows-are-open")
    return Sign("rows", GOOD, "none_open")


def _round(home: Home) -> Sign:
    if waiting := store.waiting(home):
        plan = store.round_named(home, waiting[-1]).plan
        values = {"round": waiting[-1], "treatment": plan["treatment"]}
        return Sign("round", WATCH, "waiting", values, "a-plan-waits-for-a-yes")
    return Sign("round", GOOD, "nothing_waits")


def _disk(home: Home) -> Sign:
    if not home.root.exists():
        return Sign("disk", NONE, "none")
    room = sum(_size(file) for file in (home.raw_db, home.work_db, home.current_db))
    free = shutil.disk_usage(home.root).free
    values = {"free": free, "room": room}
    if free < parameters()["disk_rooms_needed"] * room:
        return Sign("disk", BAD, "full", values, "exit-code-6-the-disk-is-full")
    if free < parameters()["disk_rooms_comfortable"] * room:
        return Sign("disk", WATCH, "little", values, "exit-code-6-the-disk-is-full")
    return Sign("disk", GOOD, "enough", values)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _read(file: Path) -> dict | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
