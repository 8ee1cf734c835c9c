"""Living the plan: each month the whole road, an approved round, and the world's answer to it."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.rounds import approve, orders, round_of, waiting
from roundtrip.simulate.company import STATE_FILE, live_on
from roundtrip.stages import STAGES, run_stage

#: Told of a stage: the month's number, the date, the stage.
OnStage = Callable[[int, date, str], None]

_SAID_BY = "roundtrip loop"
_AFTER_APPROVAL = "act"
_LAST = "report"


@dataclass(frozen=True)
class Begun:
    """Where a loop began: kept beside its results, so that one that was killed goes on.

    Attributes:
        landing: the company's folder; it lives on there.
        untouched: the same company at the start, to live on with nothing done to anybody.
        began_on: the last day before the first month, as text.
    """

    landing: str
    untouched: str
    began_on: str


def live_the_plan(home: Home, landing: Path, months: int, on_stage: OnStage | None = None) -> Begun:
    """Walk the road on each of `months` month ends, carry out each round, and let the world live on.

    Every plan is approved as it stands. After the last month the road is walked once more, to measure (what
    it plans is left undecided), and the untouched company lives the same months. Killed and called again, it
    goes on where it was.

    Args:
        landing: a simulated company; months are added to it.

    Raises:
        BadInput: the folder holds no simulated company, or the home another loop.
    """
    begun = _begin(home, landing)
    for month in range(_months_between(begun.began_on, _as_of(landing)), months):
        day = _as_of(landing)
        _walk(home, landing, day, month, on_stage, carries_out=True)
        _tell(on_stage, month, day, "live_on")
        live_on(landing, 1, _orders(home, day))
    _walk(home, landing, _as_of(landing), months, on_stage, carries_out=False)
    _tell(on_stage, months, _as_of(landing), "live_untouched")
    untouched = Path(begun.untouched)
    if missing := months - _months_between(begun.began_on, _as_of(untouched)):
        live_on(untouched, missing)
    return begun


def twin(landing: Path, to: Path) -> Path:
    """The same company once more, to live another life; what is there is replaced."""
    shutil.rmtree(to, ignore_errors=True)
    # Links: living on replaces files and never writes into one.
    shutil.copytree(landing, to, copy_function=os.link, ignore=shutil.ignore_patterns(".lock"))
    return to


def _begin(home: Home, landing: Path) -> Begun:
    file = home.root / "loop" / "begun.json"
    if file.exists():
        begun = Begun(**json.loads(file.read_text(encoding="utf-8")))
        if Path(begun.landing) != landing.resolve():
            raise BadInput(
                f"{home.root} holds the loop of {begun.landing}, not of {landing}",
                "give each loop a home of its own",
            )
        return begun
    if not (landing / STATE_FILE).is_file():
        raise BadInput(f"{landing} holds no simulated company", "make one: `roundtrip simulate --out FOLDER`")
    untouched = twin(landing, home.root / "loop" / "untouched")
    begun = Begun(str(landing.resolve()), str(untouched), _as_of(landing).isoformat())
    write_atomically(file, json.dumps(asdict(begun), indent=2))
    return begun


def _walk(
    home: Home, landing: Path, day: date, month: int, on_stage: OnStage | None, carries_out: bool
) -> None:
    Company.describe(landing, None).save(home)
    for stage in STAGES:
        if stage.name == _LAST and carries_out:
            break
        if stage.name == _AFTER_APPROVAL and carries_out:
            for round_id in waiting(home):
                approve(home, round_id, by=_SAID_BY, note="every plan of a simulated company is approved")
        _tell(on_stage, month, day, stage.name)
        run_stage(stage.name, home, day)


def _orders(home: Home, day: date) -> Path | None:
    """The day's round as the world takes it; None where there was none."""
    round_id = round_of(home, day)
    if round_id is None:
        return None
    file = home.root / "loop" / f"{day}.csv"
    write_atomically(file, orders(home, round_id).to_csv(index=False, lineterminator="\n"))
    return file


def _tell(on_stage: OnStage | None, month: int, day: date, stage: str) -> None:
    if on_stage:
        on_stage(month, day, stage)


def _as_of(landing: Path) -> date:
    return date.fromisoformat(Company.describe(landing, None).settings["as_of"])


def _months_between(began_on: str, day: date) -> int:
    began = date.fromisoformat(began_on)
    return (day.year - began.year) * 12 + day.month - began.month
