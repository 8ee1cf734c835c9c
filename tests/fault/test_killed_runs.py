"""Every stage is killed at points drawn from a fixed seed, gets no room on the disk, and finds its own files
cut off: run again, it ends with what an undisturbed one has."""

import os
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

#: Bytes a file may have: less than the smallest DuckDB database, more than a record of a run.
NO_ROOM = 100_000


@dataclass
class Undisturbed:
    """A home in which every stage ran once, and after each what it then held."""

    home: Home
    landing: Path
    ends: dict[str, End] = field(default_factory=dict)
    held: dict[str, dict] = field(default_factory=dict)

    def note(self, stage: str, end: End) -> None:
        self.ends[stage] = end
        self.held[stage] = fingerprint(self.home)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("killed")
    landing = folder / "landing"
    simulate(landing, CUSTOMERS, MONTHS, SEED)
    found = Undisturbed(harness.new_home(folder / "undisturbed", landing), landing)
    harness.walk(found.home, AS_OF, found.note)
    return found


@pytest.fixture(scope="module")
def disturbed(undisturbed: Undisturbed) -> tuple[Home, list[str]]:
    """A home in which every stage was disturbed and run again; and what went wrong."""
    home = harness.new_home(
        undisturbed.home.root.with_name("disturbed"), undisturbed.landing, like=undisturbed.home
    )
    wrong, killed, full, cut_off = [], dict.fromkeys(STAGE_NAMES, 0), 0, []
    for stage in STAGE_NAMES:
        kills = KILLS.get(stage, KILLS_WHEN_QUICK)
        for kill in harness.points(stage, undisturbed.ends[stage].events, kills, SEED):
            killed[stage] += harness.run(home, stage, AS_OF, kill_at=kill).was_killed
            if stage not in KILLS:
                wrong += run_again(home, stage, undisturbed, f"killed at event {kill}")
        end = harness.run(home, stage, AS_OF, file_size_limit=NO_ROOM)
        if end.exit_code:
            full += 1
            if not str(end.error).startswith("DiskFull: the disk is full"):
                wrong.append(f"{stage} on a full disk says {end.error}")
        if stage in DERIVED:
            # Whole once more, so that there is something to cut off wherever the kills came.
            wrong += run_again(home, stage, undisturbed, "killed or out of room")
        files = [file for pattern in DERIVED.get(stage, []) for file in home.root.glob(pattern)]
        for file in [*files, home.runs_dir / AS_OF.isoformat() / f"{stage}.json"]:
            os.truncate(file, file.stat().st_size // 2)
            cut_off.append(file.relative_to(home.root).as_posix())
        wrong += run_again(home, stage, undisturbed, "disturbed")
    kills = sum(killed.values())
    print(f"{kills} kills, {full} full disks and {len(cut_off)} files cut off in {len(STAGE_NAMES)} stages")
    assert kills >= 24, f"too many came too late, since what is done is not done again: {killed}"
    assert full >= 6
    assert len(cut_off) >= len(STAGE_NAMES) + 10, cut_off
    return home, wrong


def run_again(home: Home, stage: str, undisturbed: Undisturbed, why: str) -> list[str]:
    end = harness.run(home, stage, AS_OF)
    if end.exit_code:
        return [f"{stage}, {why}, cannot be run again: {end.error}"]
    return [f"{stage}, {why}: {name}" for name in differences(fingerprint(home), undisturbed.held[stage])]


def test_killed_anywhere_and_run_again_gives_the_same(disturbed):
    home, wrong = disturbed
    assert wrong == []
    assert harness.leftovers(home) == []
