"""What a human says to a plan: yes, no, or yes without some of it; once, and kept beside the plan."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pandas as pd

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.rounds import store
from roundtrip.rounds.store import Round, round_named

CHANGED = "changed"
#: Who approves a plan that nobody has to look at.
BY_ITSELF = "roundtrip"
_KINDS = ("customers", "actions")


def approve(
    home: Home,
    round_id: str,
    by: str,
    note: str = "",
    without: Mapping[str, Sequence[str]] | None = None,
    at: datetime | None = None,
) -> dict:
    """Let a plan be carried out, as a whole or without some of it.

    Args:
        by: who says so.
        without: {"customers": [...], "actions": [...]}, taken out of both arms.
        at: when; None: now.

    Returns:
        The decision: decision (approved or changed), by, at, note, without. The same again is no harm.

    Raises:
        BadInput: there is no such round, it was decided differently, it has lapsed, or `without` names
            somebody or something that is not in the plan.
    """
    found = round_named(home, round_id)
    taken_out = {kind: sorted(set(names)) for kind, names in (without or {}).items() if names}
    _check(found, taken_out)
    what = CHANGED if taken_out else store.APPROVED
    return _decide(found, what, by, note, at, {"without": taken_out} if taken_out else {})


def refuse(home: Home, round_id: str, by: str, note: str = "", at: datetime | None = None) -> dict:
    """Let a plan not be carried out; its customers may be in the next one.

    Raises:
        BadInput: as `approve`.
    """
    return _decide(round_named(home, round_id), store.REFUSED, by, note, at, {})


def approve_by_itself(found: Round) -> dict | None:
    """Approve a plan that sends nothing, or that costs no more than the company lets go without a human.

    Returns:
        The decision; None where a human has to look.
    """
    limit = found.plan["settings"]["auto_approve_up_to"]
    if found.state != store.PROPOSED:
        return None
    if found.plan["treatment"] == 0:
        note = "nothing is sent: everybody is held out"
    elif limit > 0 and found.plan["cost"] <= limit:
        note = f"costs {found.plan['cost']:.2f}, no more than retention.auto_approve_up_to ({limit:g})"
    else:
        return None
    # The plan's own date: what is decided without a human is the same whenever it is done again.
    at = datetime.combine(found.as_of, datetime.min.time(), UTC)
    return _decide(found, store.APPROVED, BY_ITSELF, note, at, {})


def _check(found: Round, taken_out: dict[str, list[str]]) -> None:
    if unknown := sorted(set(taken_out) - set(_KINDS)):
        raise BadInput(f"a plan has no {unknown[0]}", f"give one of: {', '.join(_KINDS)}")
    if not taken_out:
        return
    rows = pd.read_parquet(found.plan_file, columns=["customer_id", "action"])
    for kind, column in zip(_KINDS, ("customer_id", "action"), strict=True):
        if missing := sorted(set(taken_out.get(kind, ())) - set(rows[column])):
            raise BadInput(
                f"{found.id} has no {column} {missing[0]!r}", f"`roundtrip round show {found.id}` lists them"
            )


def _decide(found: Round, what: str, by: str, note: str, at: datetime | None, more: dict) -> dict:
    if not by.strip():
        raise BadInput("nobody is named who decides", "say who: --by NAME")
    if found.decision is None and found.state == store.LAPSED:
        raise BadInput(
            f"{found.id} has lapsed: a newer round was planned after it",
            f"decide on {store.rounds(found.home)[-1].id}",
        )
    moment = (at or datetime.now(UTC)).isoformat(timespec="seconds")
    decision = {"decision": what, "by": by.strip(), "at": moment, "note": note, **more}
    beside = found.decision_file.with_name(f".decision.{os.getpid()}.tmp")
    beside.write_text(json.dumps(decision, indent=1, ensure_ascii=False), encoding="utf-8")
    try:
        # A link fails where a decision is there: of two who decide at once, one is first.
        os.link(beside, found.decision_file)
    except FileExistsError:
        made = found.decision
        if {**made, "at": "", "note": ""} != {**decision, "at": "", "note": ""}:
            raise BadInput(
                f"{found.id} was {made['decision']} by {made['by']} already, on {made['at'][:10]}",
                "a decision stands; the next round can be decided anew",
            ) from None
        return made
    finally:
        beside.unlink(missing_ok=True)
    return decision
