"""What was in production, when, why, and what before it: `mlflow/champions.jsonl`, one JSON object a line.

Lines are only ever added. The alias in MLflow is moved first and the line is written after it, each line
naming its predecessor from the line before: whoever is killed in between does the same again, the alias is
there already, and the line comes once. An alias that somebody moved without us is found and written down.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date

from roundtrip.files import write_atomically
from roundtrip.home import Home

PROMOTED, ROLLED_BACK, FOUND = "promoted", "rolled_back", "found"


@dataclass(frozen=True)
class Move:
    """One move of the alias `champion`.

    Attributes:
        number: counted from 1. at: when, UTC, ISO 8601 (of a promotion: when MLflow registered the version);
            None where nobody knows.
        as_of: the date of the data it happened on. action: promoted (through the gate), rolled_back (by
            somebody), found (moved without Roundtrip, noticed later).
        version, predecessor: numbers in MLflow; the first has no predecessor.
        reason: why this version. trigger: why it was trained at all; None unless promoted.
        by: who rolled back. run_id: the training that made the version. parameters_hash: of the parameters
            when it was rolled back.
    """

    number: int
    at: str | None
    as_of: str
    action: str
    version: str
    predecessor: str | None
    reason: str
    trigger: str | None = None
    by: str | None = None
    run_id: str | None = None
    parameters_hash: str | None = None


def moves(home: Home) -> list[Move]:
    """Every move, oldest first. Lines of older homes lack some fields; what they mean is filled in."""
    found: list[Move] = []
    for text in _text(home).splitlines():
        line = json.loads(text)
        before = found[-1].version if found else None
        action = line.get("action") or (PROMOTED if line.get("run_id") else ROLLED_BACK)
        found.append(
            Move(
                number=len(found) + 1,
                at=line.get("at"),
                as_of=line["as_of"],
                action=action,
                version=line["version"],
                predecessor=line.get("predecessor", before),
                reason=line["reason"],
                trigger=line.get("trigger"),
                by=line.get("by"),
                run_id=line.get("run_id"),
                parameters_hash=line.get("parameters_hash"),
            )
        )
    return found


def add(
    home: Home, action: str, version: str, as_of: date, reason: str, at: str | None, **more: str | None
) -> Move:
    """Write a move down, after the lines that are there.

    Args:
        at: when, as the caller knows it: no stage reads the clock.
        more: trigger, by, run_id, parameters_hash.
    """
    there = moves(home)
    move = Move(
        number=len(there) + 1,
        at=at,
        as_of=as_of.isoformat(),
        action=action,
        version=version,
        predecessor=there[-1].version if there else None,
        reason=reason,
        **more,
    )
    line = json.dumps(asdict(move), ensure_ascii=False) + "\n"
    write_atomically(home.champions_file, _text(home) + line)
    return move


def in_force(there: list[Move]) -> list[Move]:
    """The move that put the present champion in force, then the one before it, and so on.

    Who was taken back by a rollback is not among them: it was taken back for a reason.
    """
    stack: list[Move] = []
    for move in there:
        versions = [each.version for each in stack]
        if move.action != PROMOTED and move.version in versions:
            del stack[versions.index(move.version) + 1 :]
        else:
            stack.append(move)
    return stack[::-1]


def _text(home: Home) -> str:
    return home.champions_file.read_text(encoding="utf-8") if home.champions_file.exists() else ""
