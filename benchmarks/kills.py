"""Hundreds of kills: is what a stage leaves, once it is run again, what an undisturbed one has?

Half of the kills come at an event drawn from the seed (tests/fault/harness.py says what counts), half at a
moment drawn from the seed within the time that the stage takes, wherever it then is. After some of them the
whole road is walked again from the first stage, as `roundtrip run` does.
"""

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from roundtrip.home import Home
from roundtrip.simulate import simulate
from tests.fault import harness
from tests.published_fixture import publish_made_up

CUSTOMERS, MONTHS, SEED = 150, 14, 7
AS_OF = date(2025, 12, 31)

#: Kills of a stage; the quick ones get more. `training` is a training with enough customers for a champion.
KILLS = {"read_files": 20, "landing_gate": 20, "build_warehouse": 16, "marts_gate": 20, "training": 16}
KILLS_OTHERWISE = 30
#: One kill in so many is followed by the whole road.
ROAD_EVERY = 30
#: Customers of the training.
TRAINED = 700


@dataclass
class Before:
    """A home as it was before a stage, and the stage undisturbed: its end, its seconds, what it left."""

    home: Home
    stage: str
    as_of: date
    end: harness.End
    seconds: float
    left: dict = field(repr=False)


def main(console: Console, share: float = 1.0) -> None:
    """Kill, run again, compare, print the table.

    Args:
        share: of the kills, for a quicker look.

    Raises:
        SystemExit: something differed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        stages, finished = _walk_undisturbed(folder)
        stages.append(_train_undisturbed(folder))
        table = Table("stage", "kills", "in time", "equal", "roads", "equal", title="killed and run again")
        total, wrong = Counter(), []
        for name, before in zip([*harness.STAGE_NAMES, "training"], stages, strict=True):
            kills = max(2, round(KILLS.get(name, KILLS_OTHERWISE) * share))
            counts, differing = _kill(folder / "killed", before, name, kills, finished)
            wrong += differing
            total += counts
            table.add_row(name, *(str(counts[column]) for column in _COLUMNS))
        table.add_row("total", *(str(total[column]) for column in _COLUMNS))
        console.print(table)
        for line in wrong:
            console.print(line, highlight=False)
        if wrong:
            sys.exit(1)


_COLUMNS = ("kills", "in time", "equal", "roads", "roads equal")


def _walk_undisturbed(folder: Path) -> tuple[list[Before], dict]:
    landing = folder / "landing"
    simulate(landing, CUSTOMERS, MONTHS, SEED)
    home = harness.new_home(folder / "undisturbed", landing)
    # Keys are made by the first stage, and a home that is killed must have the same.
    harness.run(home, harness.STAGE_NAMES[0], AS_OF)
    home = harness.new_home(folder / "keys", landing, like=home)
    stages = []
    for stage in harness.STAGE_NAMES:
        copy = harness.copy(home, folder / f"before {stage}")
        stages.append(_run_undisturbed(copy, home, stage, AS_OF))
    return stages, stages[-1].left


def _run_undisturbed(copy: Home, home: Home, stage: str, as_of: date) -> Before:
    started = time.monotonic()
    end = harness.run(home, stage, as_of)
    if end.exit_code:
        raise RuntimeError(f"undisturbed, {stage} fails: {end.error}")
    return Before(copy, stage, as_of, end, time.monotonic() - started, harness.fingerprint(home))


def _train_undisturbed(folder: Path) -> Before:
    home = Home(folder / "training")
    as_of = publish_made_up(home, customers=TRAINED)
    copy = harness.copy(home, folder / "before training")
    before = _run_undisturbed(copy, home, "train", as_of)
    before.left |= harness.champion(home)
    return before


def _kill(place: Path, before: Before, name: str, kills: int, finished: dict) -> tuple[Counter, list[str]]:
    counts, wrong = Counter(), []
    drawn = random.Random(f"{SEED} {name}")
    at_events = harness.points(before.stage, before.end.events, kills // 2, SEED)
    disturbances = [{"kill_at": event} for event in at_events]
    disturbances += [
        {"kill_after": drawn.uniform(0, before.seconds)} for _ in range(kills - len(disturbances))
    ]
    for number, disturbance in enumerate(disturbances):
        home = harness.copy(before.home, place)
        counts["kills"] += 1
        counts["in time"] += harness.run(home, before.stage, before.as_of, **disturbance).was_killed
        is_road = number % ROAD_EVERY == 0 and name != "training"
        column = "roads equal" if is_road else "equal"
        counts["roads"] += is_road
        different = _road(home, finished) if is_road else _again(home, before, name)
        counts[column] += not different
        wrong += [f"{name} {disturbance}: {what}" for what in different]
        shutil.rmtree(place)
    return counts, wrong


def _again(home: Home, before: Before, name: str) -> list[str]:
    end = harness.run(home, before.stage, before.as_of)
    if end.exit_code:
        return [f"cannot be run again: {end.error}"]
    found = harness.fingerprint(home) | (harness.champion(home) if name == "training" else {})
    return harness.differences(found, before.left) + [f"left {file}" for file in harness.leftovers(home)]


def _road(home: Home, finished: dict) -> list[str]:
    for stage in harness.STAGE_NAMES:
        end = harness.run(home, stage, AS_OF)
        if end.exit_code:
            return [f"{stage}, on the road again, fails: {end.error}"]
    # What is loaded already is not read again, so the batch may be empty and its gate without a check.
    return [
        name
        for name in harness.differences(harness.fingerprint(home), finished)
        if not name.startswith(("raw/batch", "gates/landing"))
    ]
