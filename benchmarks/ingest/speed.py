"""What reading costs beside a bare read: the stage `read_files` to DuckDB's `read_csv` of the same files.

The files are the bookings of a simulated company, defects included, copied under new ids until there are
enough. All is measured in turn within one process, so that the ratios hold on any machine.
"""

import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import source_contract
from roundtrip.home import Home
from roundtrip.ingest import read_files, sql
from roundtrip.simulate import simulate

CUSTOMERS, MONTHS, SEED = 2_000, 24, 7
ROWS, REPETITIONS = 1_500_000, 5
AS_OF = date(2030, 1, 1)


def main(console: Console, rows: int = ROWS, repetitions: int = REPETITIONS) -> dict[str, tuple]:
    """Measure, print the table; medians of wall and CPU seconds by name.

    On a busy machine the wall clock says little; the CPU's share of all cores says what was done.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        landing = folder / "landing"
        there = bookings(folder / "simulated", landing, rows)
        ways = {
            "read_csv, all text": lambda home: bare(landing, home, is_typed=False),
            "read_csv, typed": lambda home: bare(landing, home, is_typed=True),
            "read_files": lambda home: staged(landing, home),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for repetition in range(repetitions):
            for place, (name, way) in enumerate(ways.items()):
                home = Home(folder / f"home-{repetition}-{place}")
                wall, cpu = time.monotonic(), time.process_time()
                way(home)
                taken[name].append((time.monotonic() - wall, time.process_time() - cpu))
        size = sum(file.stat().st_size for file in landing.rglob("*.csv"))
    medians = {name: tuple(map(statistics.median, zip(*each, strict=True))) for name, each in taken.items()}
    table = Table(
        *("what", "wall s", "to all text", "to typed", "CPU s", "to all text", "to typed"),
        title=f"{there:,} rows, {size / 1e6:,.0f} MB, {repetitions} times in turn",
    )
    for name, both in medians.items():
        cells = []
        for clock, median in enumerate(both):
            ratios = (median / medians[bare_name][clock] for bare_name in list(ways)[:2])
            cells += [f"{median:.2f}", *(f"{ratio:.2f}" for ratio in ratios)]
        table.add_row(name, *cells)
    console.print(table)
    return medians


def bookings(simulated: Path, landing: Path, rows: int) -> int:
    """Write the required tables with at least `rows` bookings; how many lines there are."""
    simulate(simulated, CUSTOMERS, MONTHS, SEED)
    (landing / "bookings").mkdir(parents=True)
    (simulated / "customers").rename(landing / "customers")
    files = sorted((simulated / "bookings").glob("*.csv"))
    months = [file.read_bytes().splitlines(keepends=True) for file in files]
    copies = -(-rows // sum(len(lines) - 1 for lines in months))
    for file, (header, *lines) in zip(files, months, strict=True):
        with (landing / "bookings" / file.name).open("wb") as out:
            out.write(header)
            for copy in range(copies):
                out.writelines(line.replace(b",", b"-%d," % copy, 1) for line in lines)
    return copies * sum(len(lines) - 1 for lines in months)


def bare(landing: Path, home: Home, is_typed: bool) -> None:
    """DuckDB's own reader into a file: the least that reading can cost. Lines it cannot read are left out."""
    with duck.connect(home.root / "bare.duckdb", home.tmp_dir) as connection:
        for folder in sorted(landing.iterdir()):
            table = source_contract()[folder.name]
            columns = ", ".join(
                f"{sql.text(column.name)}: {sql.text(column.sql_type if is_typed else 'VARCHAR')}"
                for column in table.columns
            )
            connection.execute(
                f"CREATE TABLE {table.name} AS FROM read_csv({sql.text(str(folder / '*.csv'))}, "
                f"columns = {{{columns}}}, header = true, auto_detect = false, ignore_errors = true)"
            )


def staged(landing: Path, home: Home) -> None:
    """The stage as a run calls it: checks, types, pseudonyms, the vault, the account of every line."""
    Company.describe(landing, None).save(home)
    read_files(home, AS_OF)
