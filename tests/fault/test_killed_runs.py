"""Every stage is killed at points drawn from a fixed seed, gets no room on the disk, and finds its own files
cut off: run again, it ends with what an undisturbed one has."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from roundtrip.home import Home
from roundtrip.simulate import simulate
from tests.fault import harness
from tests.fault.harness import STAGE_NAMES, End, differences, fingerprint

CUSTOMERS, MONTHS, SEED = 100, 6, 7
AS_OF = date(2025, 12, 31)

#: Kills of each stage. What takes seconds is killed several times before it is run again, what does not is
#: run again after each.
KILLS = {
    "read_files": 3,
    "landing_gate": 2,
    "build_warehouse": 2,
    "marts_gate": 2,
    "train": 3,
    "score": 3,
    "find_segments": 2,
    "read_texts": 2,
    "measure": 2,
    "learn_uplift": 2,
    "warn": 3,
    "decide": 3,
    "act": 2,
    "follow_plan": 2,
    "publish_actions": 3,
    "report": 3,
}
KILLS_WHEN_QUICK = 5

#: What a stage writes that it can make anew, so that it may be cut off before it is run again.
DERIVED = {
    "read_files": ["raw/batch.duckdb"],
    "landing_gate": ["gates/landing/*.json", "gates/data_docs/landing/suites.json"],
    "build_warehouse": ["warehouse/work.duckdb", "logs/dbt/target/*.*"],
    "marts_gate": ["gates/published/*.json"],
    "train": ["mlflow/champion.json"],
    "score": ["products/*/*.parquet"],
    "report": ["reports/*.html"],
}

#: The road is disturbed in two halves side by side, each in a home of its own: this stage begins the second.
SECOND_HALF = "train"

#: Bytes a file may have: less than the smallest DuckDB database, more than a record of a run.
NO_ROOM = 100_000


@dataclass
class Undisturbed:
    """A home in which every stage ran once, and after each what it then held.

    Attributes:
        home: as it is in the end.  halfway: a copy of it from before SECOND_HALF.
    """

    home: Home
    halfway: Home
    landing: Path
    ends: dict[str, End] = field(default_factory=dict)
    held: dict[str, dict] = field(default_factory=dict)

    def note(self, stage: str, end: End) -> None:
        self.ends[stage] = end
        self.held[stage] = fingerprint(self.home)
        if STAGE_NAMES.index(stage) + 1 == STAGE_NAMES.index(SECOND_HALF):
            harness.copy(self.home, self.halfway.root)


@dataclass
class Disturbed:
    """A home in which stages were disturbed and run again; what was done to it, and what went wrong."""

    home: Home
    wrong: list[str] = field(default_factory=list)
    killed: dict[str, int] = field(default_factory=dict)
    full_disks: int = 0
    cut_off: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("killed")
    landing = folder / "landing"
    simulate(landing, CUSTOMERS, MONTHS, SEED)
    home = harness.new_home(folder / "undisturbed", landing)
    found = Undisturbed(home, Home(folder / "halfway"), landing)
    harness.walk(home, AS_OF, found.note)
    return found


@pytest.fixture(scope="module")
def halves(undisturbed: Undisturbed) -> list[Disturbed]:
    """Two homes, in each of which half the stages were disturbed."""
    second = STAGE_NAMES.index(SECOND_HALF)
    empty = harness.new_home(
        undisturbed.home.root.with_name("first"), undisturbed.landing, like=undisturbed.home
    )
    roads = [(empty, STAGE_NAMES[:second]), (undisturbed.halfway, STAGE_NAMES[second:])]
    with ThreadPoolExecutor(len(roads)) as side_by_side:
        return list(side_by_side.map(lambda road: disturb(*road, undisturbed), roads))


def disturb(home: Home, stages: tuple[str, ...], undisturbed: Undisturbed) -> Disturbed:
    """Kill each stage, give it no room, cut its files off, and run it again."""
    found = Disturbed(home)
    for stage in stages:
        for kill in harness.points(
            stage, undisturbed.ends[stage].events, KILLS.get(stage, KILLS_WHEN_QUICK), SEED
        ):
            was_killed = harness.run(home, stage, AS_OF, kill_at=kill).was_killed
            found.killed[stage] = found.killed.get(stage, 0) + was_killed
            if stage not in KILLS:
                found.wrong += run_again(home, stage, undisturbed, f"killed at event {kill}")
        end = harness.run(home, stage, AS_OF, file_size_limit=NO_ROOM)
        if end.exit_code:
            found.full_disks += 1
            if not str(end.error).startswith("DiskFull: the disk is full"):
                found.wrong.append(f"{stage} on a full disk says {end.error}")
        if stage in DERIVED:
            # Whole once more, so that there is something to cut off wherever the kills came.
            found.wrong += run_again(home, stage, undisturbed, "killed or out of room")
        files = [file for pattern in DERIVED.get(stage, []) for file in home.root.glob(pattern)]
        for file in [*files, home.runs_dir / AS_OF.isoformat() / f"{stage}.json"]:
            os.truncate(file, file.stat().st_size // 2)
            found.cut_off.append(file.relative_to(home.root).as_posix())
        found.wrong += run_again(home, stage, undisturbed, "disturbed")
    return found


def run_again(home: Home, stage: str, undisturbed: Undisturbed, why: str) -> list[str]:
    end = harness.run(home, stage, AS_OF)
    if end.exit_code:
        return [f"{stage}, {why}, cannot be run again: {end.error}"]
    return [f"{stage}, {why}: {name}" for name in differences(fingerprint(home), undisturbed.held[stage])]


def test_the_disturbances_came_in_time(halves):
    killed = {stage: kills for half in halves for stage, kills in half.killed.items()}
    full_disks, cut_off = (
        sum(half.full_disks for half in halves),
        [f for half in halves for f in half.cut_off],
    )
    print(f"{sum(killed.values())} kills, {full_disks} full disks, {len(cut_off)} files cut off")
    assert list(killed) == list(STAGE_NAMES)
    assert sum(killed.values()) >= 24, (
        f"too many came too late, since what is done is not done again: {killed}"
    )
    assert full_disks >= 6
    assert len(cut_off) >= len(STAGE_NAMES) + 10, cut_off


def test_killed_anywhere_and_run_again_gives_the_same(halves):
    assert [wrong for half in halves for wrong in half.wrong] == []
    assert [file for half in halves for file in harness.leftovers(half.home)] == []
