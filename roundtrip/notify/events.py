"""What there is to tell of a stage, from what it left in the home. Counts and names of columns, no values."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from roundtrip import errors
from roundtrip.company import Company
from roundtrip.gates import read_result, reasons
from roundtrip.home import Home
from roundtrip.notify.settings import language
from roundtrip.report.words import Words
from roundtrip.runs.page import run_file
from roundtrip.runs.read import GATES
from roundtrip.stages import records
from roundtrip.told import listed

TEXTS_DIR = Path(__file__).parent / "texts"
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
    """What the last try of a stage gives to tell, in the company's language for notifications.

    Args:
        was_killed: it is known to have ended, whatever its record says (a killed process writes none).
    """
    words = Words(language(Company.load(home).settings), TEXTS_DIR)
    record = next((kept for kept in records(home, as_of) if kept["stage"] == stage), {})
    status = record.get("status")
    if status == "failed" and record.get("kind") not in _BY_HAND:
        what, lines = _failure(home, as_of, record, words)
    elif status != "done" and was_killed:
        what, lines = words("killed"), []
    elif status == "done":
        return _warnings(home, as_of, record, words)
    else:
        return []
    hint = record.get("hint")
    to_do = scrubbed(hint) if hint and status == "failed" else words("see_the_page")
    cause = [record.get("kind"), *lines]
    return [_event(home, as_of, stage, "error", words, what, lines, to_do, cause)]


def _failure(home: Home, as_of: date, record: dict, words: Words) -> tuple[str, list[str]]:
    kind = record.get("kind") or ""
    gate = GATES.get(record["stage"])
    result = read_result(home, gate, as_of) if gate and kind in ("GateFailed", "CheckBroken") else None
    if result is not None:
        bad = [each for each in result["results"] if not each["success"]]
        if kind == "CheckBroken":
            return words("check_broken"), _checks([each for each in bad if each.get("broken")], words)
        return words("refused"), _checks([each for each in bad if each["severity"] == "fail"], words)
    if isinstance(getattr(errors, kind, None), type):
        key = f"failed_kind.{kind}"
        what = words(key if key in words.texts else "failed_kind.other")
        return what, [scrubbed(record.get("error") or "")]
    # A foreign error may quote whatever it stumbled over.
    return words("program_failed", kind=kind), []


def _checks(results: list[dict], words: Words) -> list[str]:
    lines = []
    for each in results[:_NAMED]:
        subject = f"{each['table']}.{each['column']}" if each.get("column") else each["table"]
        reason = reasons.told(each["reason"]).words(words.language)
        told = {"subject": subject, "check": each["expectation"], "reason": reason}
        rows = each.get("unexpected_count")
        lines.append(words("check_rows", **told, rows=f"{rows:,}") if rows else words("check", **told))
    if len(results) > _NAMED:
        lines.append(words("more", n=len(results) - _NAMED))
    return lines


def _warnings(home: Home, as_of: date, record: dict, words: Words) -> list[Event]:
    stage = record["stage"]
    if stage in GATES:
        result = read_result(home, GATES[stage], as_of) or {"results": []}
        bad = [each for each in result["results"] if not each["success"] and each["severity"] == "warn"]
        lines, what = _checks(bad, words), words("checks_warn", n=len(bad))
    else:
        said = listed(record.get("summary") or {}, "warnings")
        lines = [scrubbed(told.words(words.language)) for told in said[:_NAMED]]
        what = words("warnings", n=len(said))
    if not lines:
        return []
    return [_event(home, as_of, stage, "warning", words, what, lines, words("find_out_why"), cause=lines)]


def _of_what(home: Home, as_of: date, stage: str) -> str | None:
    """The batch or the build that was looked at: with another one it is another event."""
    result = read_result(home, GATES[stage], as_of) if stage in GATES else None
    return (result.get("batch_id") or result.get("fingerprint")) if result else None


def _event(
    home: Home,
    as_of: date,
    stage: str,
    severity: str,
    words: Words,
    what: str,
    lines: list[str],
    to_do: str,
    cause: list[str | None],
) -> Event:
    named = json.dumps([*cause, _of_what(home, as_of, stage)])
    digest = hashlib.sha256(named.encode()).hexdigest()[:16]
    body = [
        words("what", as_of=as_of, stage=stage, what=what),
        *(f"- {line}" for line in lines),
        words("to_do", to_do=to_do),
        words("where", file=run_file(home, as_of, words.language)),
    ]
    title = words(f"title.{severity}", company=Company.load(home).name, stage=stage)
    return Event(f"{as_of}/{stage}/{severity}/{digest}", severity, title, "\n".join(body))


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
