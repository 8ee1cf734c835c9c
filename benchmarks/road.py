"""The road on the simulated company: seconds of each stage, and the ratios that say what our care costs."""

import json
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from roundtrip.company import Company
from roundtrip.contract import source_contract
from roundtrip.home import Home
from roundtrip.simulate import simulate
from roundtrip.stages import STAGES, run_stage

CUSTOMERS, MONTHS, SEED = 6000, 36, 7


def bare_read_seconds(landing: Path, folder: Path) -> float:
    """DuckDB's own reader, everything as it guesses, into a file: the least that reading can cost."""
    started = time.monotonic()
    with duckdb.connect(str(folder / "bare.duckdb")) as bare:
        for table in source_contract():
            files = str(landing / table / "*.csv")
            bare.execute(
                f"CREATE TABLE {table} AS FROM read_csv($files, all_varchar = true, ignore_errors = true)",
                {"files": files},
            )
    return time.monotonic() - started


def sql_seconds(home: Home) -> float:
    """What dbt's models took inside the database, as dbt's own run results say."""
    results = json.loads((home.logs_dir / "dbt" / "target" / "run_results.json").read_text(encoding="utf-8"))
    return sum(
        step["execution_time"] for step in results["results"] if not step["unique_id"].startswith("test.")
    )


def main(console: Console) -> None:
    """Simulate, walk the road once, print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        landing = folder / "landing"
        simulate(landing, CUSTOMERS, MONTHS, SEED)
        home = Home(folder / "home")
        company = Company.describe(landing, None)
        company.save(home)
        bare = bare_read_seconds(landing, folder)
        seconds = {}
        for stage in STAGES:
            started = time.monotonic()
            run_stage(stage.name, home, date.fromisoformat(company.settings["as_of"]))
            seconds[stage.name] = time.monotonic() - started
        table = Table("stage", "seconds", title=f"{CUSTOMERS:,} simulated customers, {MONTHS} months")
        for name, taken in seconds.items():
            table.add_row(name, f"{taken:.1f}")
        console.print(table)
        reading = (seconds["read_files"] + seconds["load"]) / bare
        console.print(f"read_files + load, to a bare read of the same files: {reading:.1f}x ({bare:.2f} s)")
        models = sql_seconds(home)
        console.print(
            f"dbt build with its tests, to its models alone: {seconds['build_warehouse'] / models:.1f}x "
            f"({models:.1f} s)"
        )
