"""The warehouse: a full build beside its own SQL and beside a smaller one, and a day's increment beside it.

`main` simulates a company, multiplies it to the size that is asked for, and says what each takes.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.builds.multiplied import multiply
from benchmarks.sizes import MILLION, SEED, Cost, overlay
from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.simulate import simulate
from roundtrip.stages import STAGES, run_stage

#: Simulated once, then multiplied: ten bookings and sixty web events a customer over three years.
SIMULATED = replace(MILLION, customers=20_000)
TIMES = 10
#: The company is built at this part of its size, too, to see how a build grows.
PART = 5
#: A day's corrections: the amounts of one booking in a thousand of the last month.
CORRECTED_SHARE, CORRECTED_DAYS = 0.001, 30
#: What the issue allows: dbt's part of a full build, a day's part of one, and memory; growth may be linear.
MOST_OVER_SQL, MOST_OF_FULL, MOST_BYTES = 1.3, 0.10, 4e9


def main(console: Console, times: int = TIMES) -> bool:
    """Build at two sizes, by plain SQL, and one day on; print the table. True where an aim is missed."""
    fewer = times // PART if times % PART == 0 else 1
    with tempfile.TemporaryDirectory() as scratch:
        home, as_of = make(Path(scratch), fewer)
        # Ten days before the end of the data, and no month end: an ordinary day.
        day = as_of - timedelta(days=10)
        eve = (day - timedelta(days=1)).isoformat()
        smaller = measure("benchmarks.builds.day", home, eve)
        home.work_db.unlink()
        with duckdb.connect(str(home.raw_db)) as raw:
            multiply(raw, times // fewer, mark="+")
        full = measure("benchmarks.builds.day", home, eve)
        straight = measure("benchmarks.builds.straight", home)
        correct(home, day)
        increment = measure("benchmarks.builds.day", home, day.isoformat())
    table = Table("build", "customers", "wall s", "CPU s", "peak MB")
    for name, size, cost in (
        ("full, by dbt", fewer, smaller),
        ("full, by dbt", times, full),
        ("its SQL alone", times, straight),
        ("one day on", times, increment),
    ):
        table.add_row(
            name,
            f"{SIMULATED.customers * size:,}",
            f"{cost.wall_seconds:.1f}",
            f"{cost.cpu_seconds:.1f}",
            f"{cost.peak_bytes / 1e6:,.0f}",
        )
    console.print(table)
    over_sql = full.wall_seconds / straight.wall_seconds
    of_full = increment.wall_seconds / full.wall_seconds
    larger, longer = times / fewer, full.wall_seconds / smaller.wall_seconds
    console.print(f"full build to its SQL: {over_sql:.2f} (at most {MOST_OVER_SQL})")
    console.print(f"a day to a full build: {of_full:.1%} (at most {MOST_OF_FULL:.0%})")
    console.print(f"{larger:.0f} times the customers: {longer:.2f} times the time (at most {larger:.0f})")
    peak = max(full.peak_bytes, increment.peak_bytes)
    console.print(f"peak memory: {peak / 1e9:.2f} GB (under {MOST_BYTES / 1e9:.0f})")
    missed = (over_sql > MOST_OVER_SQL, of_full > MOST_OF_FULL, longer > larger > 1, peak >= MOST_BYTES)
    return any(missed)


def make(folder: Path, times: int) -> tuple[Home, date]:
    """A home with `times` the simulated company in raw, and the last date of its data."""
    landing, config = folder / "landing", folder / "config.yml"
    config.write_text(yaml.safe_dump(overlay(SIMULATED)), encoding="utf-8")
    simulate(landing, SIMULATED.customers, SIMULATED.months, SEED, config=config)
    home = Home(folder / "home")
    company = Company.describe(landing, None)
    company.save(home)
    as_of = date.fromisoformat(company.settings["as_of"])
    for stage in STAGES:
        if stage.name == "build_warehouse":
            break
        run_stage(stage.name, home, as_of)
    with duckdb.connect(str(home.raw_db)) as raw:
        multiply(raw, times)
    return home, as_of


def correct(home: Home, day: date) -> None:
    """What a company sends again: some amounts of the last weeks."""
    with duckdb.connect(str(home.raw_db)) as raw:
        raw.execute(
            "UPDATE raw.raw.bookings SET gross_amount = gross_amount + 1 "
            "WHERE booked_at >= ? AND booked_at < ? AND hash(booking_id) % 1000000 < ?",
            [day - timedelta(days=CORRECTED_DAYS), day, CORRECTED_SHARE * 1e6],
        )


def measure(module: str, home: Home, *arguments: str) -> Cost:
    """What a module's process took, with all that it started.

    Raises:
        subprocess.CalledProcessError: it failed; its own words are on standard error.
    """
    command = [sys.executable, "-m", "benchmarks.launch", sys.executable, "-m", module, str(home.root)]
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, check=True)
    return Cost(**json.loads(done.stdout), rows=0, file_bytes=0)
