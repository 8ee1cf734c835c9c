"""Everything the page of a run says, before any language. No value of a row is in it, only counts."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.errors import RoundtripError
from roundtrip.gates import read_result
from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.publish import versions
from roundtrip.stages import STAGES, records

#: Gates by their stage, in the order of the road.
GATES = {"landing_gate": "landing", "marts_gate": "published"}
#: Stages whose warnings speak of versions and features, never of rows.
MODEL_STAGES = ("monitor", "score")
#: Kinds of refusals shown; the table above them has the sums.
REFUSALS_SHOWN = 60


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
    said: str | None = None


@dataclass(frozen=True)
class TableFact:
    """Rows of one contract table. Before loading nothing is superseded yet: `loaded` is what was accepted."""

    name: str
    rows_in: int
    loaded: int
    quarantined: int
    superseded: int


@dataclass(frozen=True)
class Refusal:
    table: str
    column: str | None
    rule: str
    rows: int


@dataclass(frozen=True)
class Problem:
    """A check that did not hold: `severity` is fail, warn or broken; `observed` only where it is a number."""

    table: str
    column: str | None
    check: str
    severity: str
    reason: str
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


@dataclass(frozen=True)
class RunFacts:
    company: str
    as_of: date
    stages: tuple[StageFact, ...]
    tables: tuple[TableFact, ...]
    is_loaded: bool
    was_read: bool
    refusals: tuple[Refusal, ...]
    gates: tuple[GateFact, ...]
    version: str | None
    version_as_of: date | None
    is_published: bool
    lineage: dict = field(default_factory=dict)
    #: Refused rows that nobody has delivered again, of all runs; None where they cannot be counted now.
    open_rows: int | None = None
    has_report: bool = False
    has_data_docs: bool = False
    #: What the stages of the model warn of: a champion that cannot be loaded, customers that have changed.
    model_warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> StageFact | None:
        return next((stage for stage in self.stages if stage.state == "failed"), None)

    @property
    def outcome(self) -> str:
        """done, failed, running (or ended without a word) or partly (some stages only)."""
        if self.failed:
            return "failed"
        if any(stage.state == "running" for stage in self.stages):
            return "running"
        return "done" if self.stages[-1].state == "done" else "partly"

    @property
    def seconds(self) -> float:
        """From the start of the first stage to the end of the last that ran."""
        return max((stage.offset + (stage.seconds or 0) for stage in self.stages), default=0.0)


def gather(home: Home, as_of: date) -> RunFacts:
    """What is known of the newest run for a date. Reads, and never waits for a lock."""
    kept = {record["stage"]: record for record in _of_this_run(records(home, as_of))}
    stages = _stages(kept)
    state = {stage.name: stage.state for stage in stages}
    read, loaded = _summary(kept, "read_files"), _summary(kept, "load")
    current = versions.current(home)
    lineage = current.lineage if current else {}
    return RunFacts(
        company=_company(home),
        as_of=as_of,
        stages=stages,
        tables=_tables(read, loaded),
        is_loaded=bool(loaded),
        was_read=bool(read),
        refusals=_refusals(home, read, is_loaded=bool(loaded)),
        gates=tuple(_gate(home, as_of, gate, state[stage]) for stage, gate in GATES.items()),
        version=current.name if current else None,
        version_as_of=date.fromisoformat(lineage["as_of"]) if lineage.get("as_of") else None,
        is_published=state["publish"] == "done",
        lineage=lineage,
        open_rows=_open_rows(home),
        has_report=state["report"] == "done" and (home.reports_dir / f"{as_of}.en.html").exists(),
        model_warnings=_model_warnings(kept),
        has_data_docs=(home.gates_dir / "data_docs" / "index.html").exists(),
    )


def _of_this_run(found: list[dict]) -> list[dict]:
    """Without the stages of an earlier run for the same date: those that began before the one before them."""
    kept, latest = [], ""
    for record in found:
        if record["started_at"] >= latest:
            kept.append(record)
            latest = record["started_at"]
    return kept


def _stages(kept: dict[str, dict]) -> tuple[StageFact, ...]:
    starts = [datetime.fromisoformat(record["started_at"]) for record in kept.values()]
    found = []
    for stage in STAGES:
        record = kept.get(stage.name)
        if record is None:
            found.append(StageFact(stage.name, stage.does, "not_run"))
            continue
        started_at = datetime.fromisoformat(record["started_at"])
        is_ours = record["status"] == "failed" and hasattr(_errors(), record.get("kind") or "")
        found.append(
            StageFact(
                stage.name,
                stage.does,
                record["status"],
                started_at,
                (started_at - min(starts)).total_seconds(),
                record.get("seconds"),
                record.get("kind"),
                _told(record) if is_ours else None,
                record.get("hint"),
                _why(_summary(kept, stage.name)),
            )
        )
    return tuple(found)


def _why(summary: dict) -> str | None:
    """Why a stage did what it decided for itself: a training or none, a warehouse made in full."""
    if why_full := summary.get("why_full"):
        return f"in full: {why_full}"
    return (summary.get("trained_because") or {}).get("reason")


def _model_warnings(kept: dict[str, dict]) -> tuple[str, ...]:
    """Once each, though `monitor` and `score` may both miss the same champion."""
    said = [words for stage in MODEL_STAGES for words in _summary(kept, stage).get("warnings") or ()]
    return tuple(dict.fromkeys(said))


def _told(record: dict) -> str | None:
    """The error without what a gate observed: the checks are told one by one below, without values.

    A foreign error may quote anything and is not told at all; the log has it.
    """
    error = record.get("error") or ""
    is_of_a_gate = record["stage"] in GATES and record.get("kind") in ("GateFailed", "CheckBroken")
    return (error.splitlines()[0].rstrip(":") if is_of_a_gate else error) or None


def _errors():
    from roundtrip import errors

    return errors


def _summary(kept: dict[str, dict], stage: str) -> dict:
    record = kept.get(stage, {})
    return record.get("summary") or {} if record.get("status") == "done" else {}


def _company(home: Home) -> str:
    try:
        return Company.load(home).name
    except (RoundtripError, OSError, ValueError):
        return home.root.name


def _tables(read: dict, loaded: dict) -> tuple[TableFact, ...]:
    if loaded:
        return tuple(
            TableFact(name, n["rows_in"], n["loaded"], n["quarantined"], n["superseded"])
            for name, n in loaded["tables"].items()
        )
    return tuple(
        TableFact(name, n["rows_in"], n["accepted"], n["quarantined"], 0)
        for name, n in read.get("tables", {}).items()
    )


def _refusals(home: Home, read: dict, is_loaded: bool) -> tuple[Refusal, ...]:
    """Refused rows of this run's batch by table, column and rule, most first. A row may have several."""
    refused = [name for name, counts in read.get("tables", {}).items() if counts["quarantined"]]
    try:
        found = [
            Refusal(name, column, rule, rows)
            for name in refused
            for column, rule, rows in _reasons(home, name, read["batch_id"], is_loaded)
        ]
    except (RoundtripError, duckdb.Error, OSError):
        # Somebody is writing the batch anew: the sums per table are there all the same.
        return ()
    return tuple(sorted(found, key=lambda r: (-r.rows, r.table, r.rule, r.column or ""))[:REFUSALS_SHOWN])


def _reasons(home: Home, table: str, batch_id: str, is_loaded: bool) -> list[tuple]:
    kept: Path = home.quarantine_dir / table / f"{batch_id}.parquet"
    if is_loaded and kept.exists():
        source, place = f"read_parquet({sql.path(kept)})", None
    else:
        source, place = sql.name(f"{table}__quarantine"), home.batch_db
    query = (
        'SELECT why."column", why.rule, count(*) FROM '
        f"(SELECT unnest(reasons) AS why FROM {source}) GROUP BY ALL"
    )
    connection = duck.connect(place, home.tmp_dir, read_only=True) if place else duckdb.connect()
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def _gate(home: Home, as_of: date, gate: str, state: str) -> GateFact:
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
        result["reason"],
        result.get("unexpected_count") or None,
        float(observed) if is_number else None,
    )


def _open_rows(home: Home) -> int | None:
    from roundtrip.requeue import counts

    if not home.quarantine_dir.exists():
        return 0
    try:
        return sum(row["open"] for row in counts(home))
    except (RoundtripError, duckdb.Error, OSError):
        return None
