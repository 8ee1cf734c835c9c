"""Everything the page of a run says, before any language. No value of a row is in it, only counts."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from roundtrip import duck
from roundtrip.errors import RoundtripError
from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.publish import versions
from roundtrip.runs.parts import company_name
from roundtrip.runs.read import (
    GATES,
    MODEL_STAGES,
    GateFact,
    StageFact,
    TableFact,
    gate_of,
    newest_run,
    open_rows,
    outcome_of,
    stages_of,
    summary_of,
    tables_of,
)
from roundtrip.told import Told, listed

#: Kinds of refusals shown; the table above them has the sums.
REFUSALS_SHOWN = 60


@dataclass(frozen=True)
class Refusal:
    table: str
    column: str | None
    rule: str
    rows: int


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
    #: The status page is written when a run has ended; between two stages an earlier one may be there.
    has_status: bool = False
    #: What the stages of the model warn of: a champion that cannot be loaded, customers that have changed.
    model_warnings: tuple[Told, ...] = ()

    @property
    def failed(self) -> StageFact | None:
        return next((stage for stage in self.stages if stage.state == "failed"), None)

    @property
    def outcome(self) -> str:
        """done, failed, running (or ended without a word) or partly (some stages only)."""
        return outcome_of(self.stages)

    @property
    def seconds(self) -> float:
        """From the start of the first stage to the end of the last that ran."""
        return max((stage.offset + (stage.seconds or 0) for stage in self.stages), default=0.0)


def gather(home: Home, as_of: date) -> RunFacts:
    """What is known of the newest run for a date. Reads, and never waits for a lock."""
    kept = newest_run(home, as_of)
    stages = stages_of(kept)
    state = {stage.name: stage.state for stage in stages}
    read, loaded = summary_of(kept, "read_files"), summary_of(kept, "load")
    current = versions.current(home)
    lineage = current.lineage if current else {}
    return RunFacts(
        company=company_name(home),
        as_of=as_of,
        stages=stages,
        tables=tables_of(kept),
        is_loaded=bool(loaded),
        was_read=bool(read),
        refusals=_refusals(home, read, is_loaded=bool(loaded)),
        gates=tuple(gate_of(home, as_of, gate, state[stage]) for stage, gate in GATES.items()),
        version=current.name if current else None,
        version_as_of=date.fromisoformat(lineage["as_of"]) if lineage.get("as_of") else None,
        is_published=state["publish"] == "done",
        lineage=lineage,
        open_rows=open_rows(home),
        has_report=state["report"] == "done" and (home.reports_dir / f"{as_of}.en.html").exists(),
        model_warnings=_model_warnings(kept),
        has_status=outcome_of(stages) != "partly" or (home.reports_dir / "runs" / "index.en.html").exists(),
        has_data_docs=(home.gates_dir / "data_docs" / "index.html").exists(),
    )


def _model_warnings(kept: dict[str, dict]) -> tuple[Told, ...]:
    """Once each, though `monitor` and `score` may both miss the same champion."""
    said = [told for stage in MODEL_STAGES for told in listed(summary_of(kept, stage), "warnings")]
    return tuple(dict.fromkeys(said))


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
