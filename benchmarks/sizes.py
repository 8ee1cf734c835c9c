"""Time, memory and bytes of `roundtrip simulate` at three sizes, each in a process of its own."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from roundtrip.simulate import parameters

SEED = 7


@dataclass(frozen=True)
class Size:
    """What to simulate; customers travel and browse so many times as much as usual."""

    name: str
    customers: int
    months: int
    trips_factor: float = 1.0
    visits_factor: float = 1.0


SMALL, MEDIUM = Size("small", 2_000, 24), Size("medium", 20_000, 48)
#: About 10 million bookings and 60 million web events.
MILLION = Size("million", 1_000_000, 36, trips_factor=2.25, visits_factor=1.02)


@dataclass(frozen=True)
class Cost:
    """What a simulation took; peak_bytes is the most memory that was resident at once."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    rows: int
    file_bytes: int


def main(console: Console, with_million: bool = False) -> None:
    """Simulate, measure, print the table. The million needs 10 GB on disk for a while."""
    table = Table("size", "customers x months", "wall s", "CPU s", "peak MB", "rows", "MB", "rows/s")
    for size in (SMALL, MEDIUM, MILLION) if with_million else (SMALL, MEDIUM):
        cost = measure(size)
        table.add_row(
            size.name,
            f"{size.customers:,} x {size.months}",
            f"{cost.wall_seconds:.1f}",
            f"{cost.cpu_seconds:.1f}",
            f"{cost.peak_bytes / 1e6:,.0f}",
            f"{cost.rows:,}",
            f"{cost.file_bytes / 1e6:,.1f}",
            f"{cost.rows / cost.wall_seconds:,.0f}",
        )
    console.print(table)


def measure(size: Size) -> Cost:
    """What the command line takes for a size.

    Raises:
        subprocess.CalledProcessError: the simulation failed; its own words are on standard error.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out, config = Path(scratch) / "landing", Path(scratch) / "config.yml"
        config.write_text(yaml.safe_dump(overlay(size)), encoding="utf-8")
        command = [sys.executable, "-m", "roundtrip.cli", "simulate"]
        command += ["--out", str(out), "--customers", str(size.customers), "--months", str(size.months)]
        command += ["--seed", str(SEED), "--config", str(config)]
        launched = [sys.executable, "-m", "benchmarks.launch", *command]
        took = json.loads(subprocess.run(launched, stdout=subprocess.PIPE, check=True).stdout)
        files = [file for file in out.rglob("*") if file.is_file()]
        return Cost(
            **took,
            rows=sum(
                _lines(file) - 1 for file in files if file.suffix == ".csv" and file.parent.name != "truth"
            ),
            file_bytes=sum(file.stat().st_size for file in files),
        )


def overlay(size: Size) -> dict:
    """The configuration of a size: every hidden type's rates, multiplied."""
    types = parameters.load().need_types
    return {
        "need_types": {
            name: {
                "trips_per_year": round(kind.trips_per_year * size.trips_factor, 3),
                "web_events": round(kind.web_events * size.visits_factor, 3),
            }
            for name, kind in types.items()
        }
    }


def _lines(file: Path) -> int:
    """Texts have no line breaks, so lines are rows and a header."""
    with file.open("rb") as content:
        return sum(part.count(b"\n") for part in iter(lambda: content.read(1 << 20), b""))
