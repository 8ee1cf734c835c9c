"""What a gate found: kept as JSON, and raised when it must stop the run."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from roundtrip.errors import CheckBroken, GateFailed
from roundtrip.files import write_atomically
from roundtrip.home import Home


@dataclass(frozen=True)
class Outcome:
    """One check and what came of it. `broken` says why it could not be carried out, else None."""

    table: str
    expectation: str
    column: str | None
    severity: str
    reason: str
    success: bool
    observed: Any
    unexpected_count: int | None
    broken: str | None = None

    def __str__(self) -> str:
        subject = f"{self.table}.{self.column}" if self.column else self.table
        rows = f", {self.unexpected_count} unexpected" if self.unexpected_count else ""
        observed = f"{self.observed:.4g}" if isinstance(self.observed, float) else self.observed
        return f"{subject}: {self.expectation} (observed {observed}{rows}): {self.reason}"


def result_file(home: Home, gate: str, as_of: date) -> Path:
    return home.gates_dir / gate / f"{as_of.isoformat()}.json"


def read_result(home: Home, gate: str, as_of: date) -> dict | None:
    """What the gate (`landing` or `published`) found for that date; None if it has not run to its end."""
    file = result_file(home, gate, as_of)
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def forget(home: Home, gate: str, as_of: date) -> None:
    """Remove an earlier result, so that a gate killed half-way leaves no old pass behind."""
    result_file(home, gate, as_of).unlink(missing_ok=True)


def conclude(
    home: Home, gate: str, as_of: date, outcomes: Sequence[Outcome], about: dict, advice: str
) -> dict:
    """Keep the result in `gates/<gate>/<as_of>.json` and let the run go on, or stop it.

    Args:
        about: what was checked (batch id, fingerprint), kept at the top of the result.
        advice: what to do when data are refused.

    Returns:
        The summary: checks, warnings, and the result's file relative to the home.

    Raises:
        CheckBroken: at least one check could not be carried out; nothing is said about the data.
        GateFailed: a check marked `fail` said no.
    """
    broken = [outcome for outcome in outcomes if outcome.broken]
    refused = [o for o in outcomes if not o.success and not o.broken and o.severity == "fail"]
    warnings = [o for o in outcomes if not o.success and not o.broken and o.severity == "warn"]
    tables = {
        table: {
            "checks": sum(o.table == table for o in outcomes),
            "failed": sum(o.table == table and not o.success for o in outcomes),
        }
        for table in dict.fromkeys(o.table for o in outcomes)
    }
    result = {
        "gate": gate,
        "as_of": as_of.isoformat(),
        **about,
        "success": not broken and not refused,
        "tables": tables,
        "results": [asdict(outcome) for outcome in outcomes],
    }
    file = result_file(home, gate, as_of)
    write_atomically(file, json.dumps(result, indent=1, ensure_ascii=False))
    if broken:
        raise CheckBroken(
            f"the {gate} gate for {as_of} could not carry out {_checks(len(broken))}:\n"
            + "\n".join(f"  {o.table}: {o.expectation}: {o.broken}" for o in broken),
            f"this says nothing about the data; mend the suite in expectations/{gate}/ or the table's "
            "columns, then run the stage again",
        )
    if refused:
        raise GateFailed(
            f"the {gate} gate for {as_of} refuses the data: {_checks(len(refused))} failed\n"
            + "\n".join(f"  {outcome}" for outcome in refused),
            f"{advice}; details: {file}",
        )
    return {
        "gate": gate,
        "as_of": as_of.isoformat(),
        **about,
        "success": True,
        "checks": len(outcomes),
        "warnings": [str(outcome) for outcome in warnings],
        "tables": tables,
        "result": str(file.relative_to(home.root)),
    }


def _checks(count: int) -> str:
    return f"{count} check" if count == 1 else f"{count} checks"
