"""The runs of a home one after the other: how each ended, how long it took, what it took in."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

import yaml

from roundtrip.home import Home
from roundtrip.rounds import store
from roundtrip.runs.read import (
    GATES,
    GateFact,
    StageFact,
    gate_of,
    newest_run,
    outcome_of,
    stages_of,
    tables_of,
)
from roundtrip.stages import STAGES

#: The parts of the road, in its order: a DAG each.
PARTS = tuple(dict.fromkeys(stage.dag for stage in STAGES))


@cache
def parameters() -> dict:
    """parameters.yml; not to be changed by a caller."""
    return yaml.safe_load(Path(__file__).with_name("parameters.yml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class PastRun:
    """The newest run for a date.

    Attributes:
        outcome: done, failed, killed, running (or ended from outside, nothing ran since) or partly.
        stages: those of the whole road; rows_in … rows_refused: sums over tables, 0 where nothing came.
        gates: in the order of the road.
    """

    as_of: date
    outcome: str
    started_at: datetime
    stages: tuple[StageFact, ...]
    gates: tuple[GateFact, ...]
    rows_in: int = 0
    rows_loaded: int = 0
    rows_superseded: int = 0
    rows_refused: int = 0
    has_page: bool = False

    @property
    def seconds(self) -> float:
        """The sum of its stages' times: what it worked, without what Airflow waited in between."""
        return sum(stage.seconds or 0 for stage in self.stages)

    @property
    def stopped_at(self) -> StageFact | None:
        """The stage that failed, or never said that it ended."""
        return next((stage for stage in self.stages if stage.state in ("failed", "running")), None)

    def seconds_of(self, part: str) -> float:
        """What the stages of one part of the road took together."""
        names = {stage.name for stage in STAGES if stage.dag == part}
        return sum(stage.seconds or 0 for stage in self.stages if stage.name in names)

    def problems(self, severity: str) -> int:
        """Checks of both gates that did not hold: fail, warn or broken."""
        return sum(gate.count(severity) for gate in self.gates)


@dataclass(frozen=True)
class PastRound:
    """A round of retention: what it would cost, and what became of it (rounds/store.py's states)."""

    round_id: str
    as_of: date
    state: str
    cost: float
    budget: float | None
    currency: str | None
    treatment: int


def past_runs(home: Home, most: int | None = None) -> list[PastRun]:
    """The last runs, newest first by when they began; at most `most` (parameters.yml: runs_shown).

    A date has one entry, that of its newest run: a run again for a date writes over its records.
    """
    found = []
    for folder in home.runs_dir.glob("????-??-??"):
        as_of = date.fromisoformat(folder.name)
        if kept := newest_run(home, as_of):
            found.append((min(record["started_at"] for record in kept.values()), as_of, kept))
    found.sort(key=lambda each: each[:2], reverse=True)
    chosen = found[: most or parameters()["runs_shown"]]
    return [_run(home, as_of, kept, is_last=place == 0) for place, (_, as_of, kept) in enumerate(chosen)]


def _run(home: Home, as_of: date, kept: dict[str, dict], is_last: bool) -> PastRun:
    stages = stages_of(kept)
    state = {stage.name: stage.state for stage in stages}
    outcome = outcome_of(stages)
    tables = tables_of(kept)
    return PastRun(
        as_of=as_of,
        # Another run has begun since, and one home has one run at a time.
        outcome="killed" if outcome == "running" and not is_last else outcome,
        started_at=min(stage.started_at for stage in stages if stage.started_at),
        stages=stages,
        gates=tuple(gate_of(home, as_of, gate, state[stage]) for stage, gate in GATES.items()),
        rows_in=sum(table.rows_in for table in tables),
        rows_loaded=sum(table.loaded for table in tables),
        rows_superseded=sum(table.superseded for table in tables),
        rows_refused=sum(table.quarantined for table in tables),
        has_page=(home.reports_dir / "runs" / f"{as_of}.en.html").exists(),
    )


def past_rounds(home: Home) -> list[PastRound]:
    """Every round that was planned, newest first."""
    return [
        PastRound(
            each.id,
            each.as_of,
            each.state,
            float(each.plan["cost"]),
            each.plan.get("budget"),
            each.plan.get("currency"),
            int(each.plan["treatment"]),
        )
        for each in reversed(store.rounds(home))
    ]
