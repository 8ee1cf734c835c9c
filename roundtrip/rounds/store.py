"""Rounds as they lie in the home: a folder each, with the plan, what was decided, and what was sent."""

import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from roundtrip.errors import BadInput
from roundtrip.home import Home

#: What has become of a round, as a whole.
PROPOSED, APPROVED, REFUSED, LAPSED, SENT = "proposed", "approved", "refused", "lapsed", "sent"


@dataclass(frozen=True)
class Round:
    """One round. Its plan is never changed after it was written, except that erased customers leave it."""

    home: Home
    id: str

    @property
    def folder(self) -> Path:
        return self.home.rounds_dir / self.id

    @property
    def as_of(self) -> date:
        return date.fromisoformat(self.id.removeprefix("R-"))

    @property
    def plan_file(self) -> Path:
        """One row an assignment, both arms (assignments.PLAN_COLUMNS)."""
        return self.folder / "plan.parquet"

    @property
    def decision_file(self) -> Path:
        return self.folder / "decision.json"

    @property
    def sent_file(self) -> Path:
        """One row an assignment that was approved: what became of it (assignments.SENT_COLUMNS)."""
        return self.folder / "sent.parquet"

    @cached_property
    def plan(self) -> dict:
        """plan.json: the round in numbers and words."""
        return json.loads((self.folder / "plan.json").read_text(encoding="utf-8"))

    @property
    def decision(self) -> dict | None:
        if not self.decision_file.exists():
            return None
        return json.loads(self.decision_file.read_text(encoding="utf-8"))

    @property
    def state(self) -> str:
        """One of the constants above. A plan that nobody has decided on lapses with the next one."""
        if self.sent_file.exists():
            return SENT
        if decision := self.decision:
            return REFUSED if decision["decision"] == REFUSED else APPROVED
        return PROPOSED if self.id == rounds(self.home)[-1].id else LAPSED


def rounds(home: Home) -> list[Round]:
    """Every round that was planned, the oldest first."""
    files = sorted(home.rounds_dir.glob("R-????-??-??/plan.json"))
    return [Round(home, file.parent.name) for file in files]


def round_named(home: Home, round_id: str) -> Round:
    """
    Raises:
        BadInput: there is none of that name.
    """
    found = next((each for each in rounds(home) if each.id == round_id), None)
    if found is None:
        names = ", ".join(each.id for each in rounds(home)[-5:]) or "none was planned yet"
        raise BadInput(f"there is no round {round_id!r}", f"the last ones: {names}")
    return found


def round_of(home: Home, day: date) -> str | None:
    """The id of the round that was planned for a day; None: none was."""
    return next((each.id for each in rounds(home) if each.as_of == day), None)


def waiting(home: Home) -> list[str]:
    """Ids of the rounds that wait for a human's answer: the last one at most."""
    return [each.id for each in rounds(home) if each.state == PROPOSED]
