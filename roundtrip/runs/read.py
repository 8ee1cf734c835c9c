"""What the records of one run say: its stages, its rows, its gates. No value of a row, only counts."""

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from roundtrip import errors
from roundtrip.gates import read_result, reasons
from roundtrip.home import Home
from roundtrip.stages import STAGES, records
from roundtrip.told import Told

#: Gates by their stage, in the order of the road.
GATES = {"landing_gate": "landing", "marts_gate": "published"}
#: Done again when somebody says yes to a plan, be it days after the run: no later stage has to follow it.
ON_DEMAND = ("act",)


#: Stages whose warnings speak of the model: of versions and features, never of rows.
MODEL_STAGES = ("monitor", "score")


@dataclass(frozen=True)
class StageFact:
    """One stage of this run; `state`: done, failed, running or not_run; `offset`: seconds after the start."""

    name: str
    does: str
    state: str
    started_at: datetime | None = None
    offset: float = 0.0
    seconds: float | None = None
    kind: str | None = None
    error: str | None = None
    hint: str | None = None
    #: Of `train`: why it trained, or why not; of `build_warehouse`: why in full, if so.
    said: Told | None = None


@dataclass(frozen=True)
class TableFact:
    """Rows of one contract table. Before loading nothing is superseded yet: `loaded` is what was accepted."""

    name: str
    rows_in: int
    loaded: int
    quarantined: int
    superseded: int


@dataclass(frozen=True)
class Problem:
    """A check that did not hold: `severity` is fail, warn or broken; `observed` only where it is a number."""

    table: str
    column: str | None
    check: str
    severity: str
    reason: Told
    rows: int | None
    observed: float | None


@dataclass(frozen=True)
class GateFact:
    """`state` is passed, failed, broken or not_run."""

    name: str
    state: str
    checks: int = 0
    problems: tuple[Problem, ...] = ()

    def count(self, severity: str) -> int:
        return sum(problem.severity == severity for problem in self.problems)


def newest_run(home: Home, as_of: date) -> dict[str, dict]:
    """The records of the newest run for a date by stage, in the road's order.

    Without the stages of an earlier run for the same date: those that began before the one before them.
    """
    kept, latest = {}, ""
    for record in records(home, as_of):
        if record["started_at"] >= latest:
            kept[record["stage"]] = record
            if record["stage"] not in ON_DEMAND:
                latest = record["started_at"]
    return kept


def outcome_of(stages: tuple[StageFact, ...]) -> str:
    """done, failed, running (or ended without a word) or partly (some stages only)."""
    states = {stage.state for stage in stages}
    if "failed" in states:
        return "failed"
    if "running" in states:
        return "running"
    return "done" if stages[-1].state == "done" else "partly"


def stages_of(kept: dict[str, dict]) -> tuple[StageFact, ...]:
    """Every stage of the road, as the records of one run have it."""
    starts = {name: datetime.fromisoformat(record["started_at"]) for name, record in kept.items()}
    found, before = [], 0.0
    for stage in STAGES:
        record = kept.get(stage.name)
        if record is None:
            found.append(StageFact(stage.name, stage.does, "not_run"))
            continue
        started_at = starts[stage.name]
        offset = (started_at - min(starts.values())).total_seconds()
        if stage.name in ON_DEMAND and any(at < started_at for at in _after(starts, stage.name)):
            # Its place on the road is where it stood, not where it was done again.
            offset = before
        before = offset + (record.get("seconds") or 0)
        is_ours = record["status"] == "failed" and hasattr(errors, record.get("kind") or "")
        found.append(
            StageFact(
                stage.name,
                stage.does,
                record["status"],
                started_at,
                offset,
                record.get("seconds"),
                record.get("kind"),
                _told(record) if is_ours else None,
                record.get("hint"),
                _why(summary_of(kept, stage.name)),
            )
        )
    return tuple(found)


def _after(starts: dict[str, datetime], stage: str) -> list[datetime]:
    """When the stages behind one began."""
    names = list(starts)
    return [starts[name] for name in names[names.index(stage) + 1 :]]


def _why(summary: dict) -> Told | None:
    """Why a stage did what it decided for itself: a training or none, a warehouse made in full."""
    if why_full := summary.get("why_full"):
        why_full_zh = summary.get("why_full_zh")
        return Told(f"in full: {why_full}", why_full_zh and f"全部重建：{why_full_zh}")
    because = summary.get("trained_because") or {}
    return Told(because["reason"], because.get("reason_zh")) if because.get("reason") else None


def _told(record: dict) -> str | None:
    """The error without what a gate observed: the checks are told one by one below, without values.

    A foreign error may quote anything and is not told at all; the log has it.
    """
    error = record.get("error") or ""
    is_of_a_gate = record["stage"] in GATES and record.get("kind") in ("GateFailed", "CheckBroken")
    return (error.splitlines()[0].rstrip(":") if is_of_a_gate else error) or None


def summary_of(kept: dict[str, dict], stage: str) -> dict:
    """What a stage that ended well returned; empty for any other."""
    record = kept.get(stage, {})
    return record.get("summary") or {} if record.get("status") == "done" else {}


def tables_of(kept: dict[str, dict]) -> tuple[TableFact, ...]:
    """The account of a run's rows: of loading, or of reading where nothing was loaded."""
    read, loaded = summary_of(kept, "read_files"), summary_of(kept, "load")
    if loaded:
        return tuple(
            TableFact(name, n["rows_in"], n["loaded"], n["quarantined"], n["superseded"])
            for name, n in loaded["tables"].items()
        )
    return tuple(
        TableFact(name, n["rows_in"], n["accepted"], n["quarantined"], 0)
        for name, n in read.get("tables", {}).items()
    )


def open_rows(home: Home) -> int | None:
    """Refused rows that nobody has delivered again, of all runs; None where they cannot be counted now."""
    from roundtrip.requeue import counts

    if not home.quarantine_dir.exists():
        return 0
    try:
        return sum(row["open"] for row in counts(home))
    except (errors.RoundtripError, duckdb.Error, OSError):
        return None


def gate_of(home: Home, as_of: date, gate: str, state: str) -> GateFact:
    """What a gate found on a date.

    Args:
        state: of its stage; one that did not run leaves the result of another run.
    """
    result = read_result(home, gate, as_of) if state in ("done", "failed") else None
    if result is None:
        return GateFact(gate, "broken" if state == "failed" else "not_run")
    problems = tuple(_problem(each) for each in result["results"] if not each["success"])
    has = {problem.severity for problem in problems}
    verdict = "broken" if "broken" in has else "failed" if not result["success"] else "passed"
    order = {"broken": 0, "fail": 1, "warn": 2}
    return GateFact(
        gate,
        verdict,
        len(result["results"]),
        tuple(sorted(problems, key=lambda p: (order.get(p.severity, 3), p.table, p.column or "", p.check))),
    )


def _problem(result: dict) -> Problem:
    observed = result.get("observed")
    is_number = isinstance(observed, int | float) and not isinstance(observed, bool)
    return Problem(
        result["table"],
        result.get("column"),
        result["expectation"],
        "broken" if result.get("broken") else result["severity"],
        reasons.told(result["reason"]),
        result.get("unexpected_count") or None,
        float(observed) if is_number else None,
    )
