"""What there is to tell of a stage, from what it left in the home. Counts and names of columns, no values."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date

from roundtrip import errors
from roundtrip.company import Company
from roundtrip.gates import read_result
from roundtrip.home import Home
from roundtrip.runs.page import run_file
from roundtrip.runs.read import GATES
from roundtrip.stages import records

#: Checks and warnings named one by one.
_NAMED = 10
_LONGEST = 300
#: Somebody at the keyboard ended it, and knows.
_BY_HAND = ("KeyboardInterrupt", "SystemExit")


@dataclass(frozen=True)
class Event:
    """`key` is the same for the same cause, however often a stage is tried; `severity`: error or warning."""

    key: str
    severity: str
    title: str
    body: str


def events(home: Home, as_of: date, stage: str, was_killed: bool = False) -> list[Event]:
    """What the last try of a stage gives to tell.

    Args:
        was_killed: it is known to have ended, whatever its record says (a killed process writes none).
    """
    record = next((kept for kept in records(home, as_of) if kept["stage"] == stage), {})
    status = record.get("status")
    if status == "failed" and record.get("kind") not in _BY_HAND:
        what, lines = _failure(home, as_of, record)
    elif status != "done" and was_killed:
        what, lines = "ended without an answer: killed, or out of time or memory", []
    elif status == "done":
        return _warnings(home, as_of, record)
    else:
        return []
    hint = record.get("hint")
    todo = scrubbed(hint) if hint and status == "failed" else "see the page of the run; then run again"
    cause = [record.get("kind"), *lines, _of_what(home, as_of, stage)]
    return [_event(home, as_of, stage, "error", what, lines, todo, cause)]


def _failure(home: Home, as_of: date, record: dict) -> tuple[str, list[str]]:
    kind = record.get("kind") or ""
    gate = GATES.get(record["stage"])
    result = read_result(home, gate, as_of) if gate and kind in ("GateFailed", "CheckBroken") else None
    if result is not None:
        bad = [each for each in result["results"] if not each["success"]]
        if kind == "CheckBroken":
            found = [each for each in bad if each.get("broken")]
            return "a check could not be carried out: this says nothing about the data", _checks(found)
        found = [each for each in bad if each["severity"] == "fail"]
        return "the data are refused", _checks(found)
    if isinstance(getattr(errors, kind, None), type):
        return _KINDS.get(kind, "failed"), [scrubbed(record.get("error") or "")]
    # A foreign error may quote whatever it stumbled over.
    return f"the program failed ({kind})", []


_KINDS = {
    "BadInput": "an input is refused",
    "DamagedFile": "a file of the home is damaged",
    "DiskFull": "there is no room left",
    "Locked": "another process holds a file",
}


def _checks(results: list[dict]) -> list[str]:
    lines = []
    for each in results[:_NAMED]:
        subject = f"{each['table']}.{each['column']}" if each.get("column") else each["table"]
        rows = f", {each['unexpected_count']:,} rows" if each.get("unexpected_count") else ""
        lines.append(f"{subject}: {each['expectation']}{rows}: {each['reason']}")
    if len(results) > _NAMED:
        lines.append(f"and {len(results) - _NAMED} more")
    return lines


def _warnings(home: Home, as_of: date, record: dict) -> list[Event]:
    stage = record["stage"]
    if stage in GATES:
        result = read_result(home, GATES[stage], as_of) or {"results": []}
        bad = [each for each in result["results"] if not each["success"] and each["severity"] == "warn"]
        lines, what = _checks(bad), f"checks that warn: {len(bad)}"
    else:
        said = (record.get("summary") or {}).get("warnings") or []
        lines, what = [scrubbed(str(each)) for each in said[:_NAMED]], f"warnings: {len(said)}"
    if not lines:
        return []
    cause = [*lines, _of_what(home, as_of, stage)]
    return [_event(home, as_of, stage, "warning", what, lines, "nothing is stopped; find out why", cause)]


def _of_what(home: Home, as_of: date, stage: str) -> str | None:
    """The batch or the build that was looked at: with another one it is another event."""
    result = read_result(home, GATES[stage], as_of) if stage in GATES else None
    return (result.get("batch_id") or result.get("fingerprint")) if result else None


def _event(
    home: Home, as_of: date, stage: str, severity: str, what: str, lines: list[str], todo: str, cause: list
) -> Event:
    digest = hashlib.sha256(json.dumps(cause, sort_keys=True).encode()).hexdigest()[:16]
    body = [
        f"run as of {as_of}, stage {stage}: {what}",
        *(f"- {line}" for line in lines),
        f"What to do: {todo}",
        f"Where to look: {run_file(home, as_of, 'en')}",
    ]
    return Event(
        f"{as_of}/{stage}/{severity}/{digest}",
        severity,
        f"{Company.load(home).name}: {stage} {'warns' if severity == 'warning' else 'stopped the run'}",
        "\n".join(body),
    )


def scrubbed(message: str) -> str:
    """The first line of a message, without what it quotes and without people's addresses and numbers."""
    line = message.strip().splitlines()[0] if message.strip() else ""
    line = re.sub(r"'[^']*'|\"[^\"]*\"", "…", line)
    line = re.sub(r"[^\s@,;]+@[^\s@,;]+", "…", line)
    line = re.sub(r"\+?\d[\d ()-]{6,}\d", lambda found: _kept_or_not(found.group()), line)
    return line[:_LONGEST]


def _kept_or_not(number: str) -> str:
    """Dates stay; a long number may be somebody's telephone."""
    return number if re.fullmatch(r"\d{4}-\d{2}-\d{2}", number.strip()) else "…"
