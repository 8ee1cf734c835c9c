"""The one dbt process that rebuilds the warehouse."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from roundtrip.build.events import ErrorText, NodeResult, read_event
from roundtrip.build.settings import PROJECT_DIR, dbt_environment, dbt_vars
from roundtrip.build.state import Extent, extent, keep
from roundtrip.duck import connect
from roundtrip.errors import BadInput, CheckBroken, GateFailed, Locked, RoundtripError
from roundtrip.gates.summaries import remove
from roundtrip.home import Home
from roundtrip.process_signals import ending_on_signals
from roundtrip.told import Told

_PRODUCTS = ("model", "seed")
_BAD = ("error", "fail")
_AMISS = (*_BAD, "warn", "skipped")
#: How much of dbt's own words an error repeats; the rest is in the log.
_QUOTED_LINES = 12


def build_warehouse(
    home: Home, as_of: date, on_event: Callable[[str, str, float], None] | None = None
) -> dict:
    """Bring `warehouse/work.duckdb` up to a date from `raw/raw.duckdb`, and test it.

    What cannot have changed since the last complete build stays (docs/decisions/increments.md). Every table
    is written in a transaction of its own, so a killed build leaves whole tables, old or new, and the next
    one makes them all anew.

    Args:
        on_event: called after each model and seed, and each test that does not pass, with its name, its
            status (success, warn, fail, error, skipped) and its seconds.

    Returns:
        The summary: as_of, models, tests, warnings {test: rows}, rows {mart: rows}, seconds {model: seconds}
        of the slowest five, extent (full | increment), and why_full and why_full_zh, where it is.

    Raises:
        BadInput: there is no raw.duckdb.
        Locked: another process holds one of the two files.
        GateFailed: a dbt test found bad rows, or a model could not be computed; names each.
        CheckBroken: only tests that could not be carried out.
        RoundtripError: dbt itself broke.
    """
    if not home.raw_db.exists():
        raise BadInput(f"{home.raw_db} does not exist", "run the stage load first")
    # Also says who holds the files, before dbt starts its ten seconds.
    connect(home.raw_db, home.tmp_dir, read_only=True).close()
    try:
        connect(home.work_db, home.tmp_dir).close()
    except duckdb.Error:
        # Cut off or overwritten: nothing in it is needed, since every table is built anew.
        remove(home.work_db)
    variables = dbt_vars(home)
    chosen = extent(home, as_of, variables)
    results, returncode, errors = _build(home, as_of, chosen.previous_as_of, on_event)
    if chosen.previous_as_of and any(
        result.kind in _PRODUCTS and result.status == "error" for result in results
    ):
        # A file that was cut off opens while its catalogue is whole; that rows are gone is found out here.
        chosen = Extent(as_of, reason=Told("the last build could not be gone on from", "上次构建无法接续"))
        results, returncode, errors = _build(home, as_of, None, on_event)
    bad = [result for result in results if result.status in _BAD]
    broken_tests = [result for result in bad if result.kind == "test" and result.status != "fail"]
    if bad:
        # A check that could not run says nothing of the data, so it only counts where nothing else is wrong.
        kind = CheckBroken if bad == broken_tests else GateFailed
        raise kind(
            f"the warehouse of {as_of} is not fit: " + "; ".join(_describe(result) for result in bad),
            f"{_quote(errors)}\n  → the last publication stays; dbt's log is {_log(home)}",
        )
    if returncode != 0:
        raise _broken(home, errors)
    keep(home, as_of, variables, chosen)
    products = [result for result in results if result.kind in _PRODUCTS]
    tests = [result for result in results if result.kind == "test"]
    slowest = sorted(products, key=lambda result: -result.seconds)[:5]
    return {
        "as_of": as_of.isoformat(),
        "models": len(products),
        "tests": len(tests),
        "warnings": {test.name: test.failures for test in tests if test.status == "warn"},
        "rows": _mart_rows(home),
        "seconds": {result.name: round(result.seconds, 2) for result in slowest},
        "extent": "increment" if chosen.previous_as_of else "full",
        **({"why_full": chosen.reason.en, "why_full_zh": chosen.reason.zh} if chosen.reason else {}),
    }


def _build(
    home: Home,
    as_of: date,
    previous_as_of: date | None,
    on_event: Callable[[str, str, float], None] | None,
) -> tuple[list[NodeResult], int, list[str]]:
    """One dbt build, in full or on from a date: its nodes' results, its exit code and its error texts."""
    results: list[NodeResult] = []

    def note(result: NodeResult) -> None:
        results.append(result)
        if on_event and (result.status in _AMISS or result.kind in _PRODUCTS):
            on_event(result.name, result.status, result.seconds)

    arguments = ["build", "--exclude-resource-type", "unit_test"]
    if not previous_as_of:
        # Nothing in the file is needed, and a new one has neither holes nor damage.
        remove(home.work_db)
        arguments.append("--full-refresh")
    returncode, errors = _run_dbt(home, arguments, note, as_of, previous_as_of)
    return results, returncode, errors


def parse_project(home: Home) -> None:
    """Write dbt's manifest to `logs/dbt/target/manifest.json`; needs no database.

    Raises:
        RoundtripError: the project cannot be parsed.
    """
    (home.logs_dir / "dbt").mkdir(parents=True, exist_ok=True)
    returncode, errors = _run_dbt(home, ["parse"], lambda _: None)
    if returncode != 0:
        raise _broken(home, errors)


def _log(home: Home) -> Path:
    return home.logs_dir / "dbt" / "dbt.log"


def _run_dbt(
    home: Home,
    arguments: list[str],
    note: Callable[[NodeResult], None],
    as_of: date | None = None,
    previous_as_of: date | None = None,
) -> tuple[int, list[str]]:
    """Run dbt, telling `note` of every result as it comes; returns its exit code and its error texts."""
    dbt = [sys.executable, "-W", "ignore", "-m", "dbt.cli.main", "--log-format", "json"]
    process = subprocess.Popen(
        # The same variables always, or dbt would read the whole project anew.
        [*dbt, *arguments, "--vars", json.dumps(dbt_vars(home))],
        cwd=PROJECT_DIR,
        env={**os.environ, **dbt_environment(home, as_of, previous_as_of)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    errors = []
    try:
        with ending_on_signals():
            for line in process.stdout:
                match read_event(line):
                    case NodeResult() as result:
                        note(result)
                    case ErrorText(text):
                        errors.append(text)
            return process.wait(), errors
    finally:
        # A build whose caller is gone must not hold the lock.
        if process.poll() is None:
            process.terminate()
            process.wait()


def _describe(result: NodeResult) -> str:
    if result.kind == "test" and result.failures:
        return f"test {result.name} found {result.failures} bad row{'s' if result.failures > 1 else ''}"
    verb = "carried out" if result.kind == "test" else "computed"
    return f"{result.kind} {result.name} could not be {verb}"


def _quote(errors: list[str]) -> str:
    lines = [line.rstrip() for text in errors for line in text.splitlines() if line.strip()]
    return "\n  ".join(lines[:_QUOTED_LINES]) or "dbt said nothing more"


def _broken(home: Home, errors: list[str]) -> RoundtripError:
    text = "\n".join(errors)
    if "lock" in text and (holder := re.search(r"PID (\d+)", text)):
        return Locked(
            f"a DuckDB file of {home.root} is held by process {holder.group(1)}",
            "wait for it to end, or end it, and run the same command again",
        )
    return RoundtripError("dbt could not run: " + _quote(errors), f"dbt's log is {_log(home)}")


def _mart_rows(home: Home) -> dict[str, int]:
    with connect(home.work_db, home.tmp_dir, read_only=True) as work:
        marts = work.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts' ORDER BY table_name"
        ).fetchall()
        return {mart: work.execute(f'SELECT count(*) FROM marts."{mart}"').fetchone()[0] for (mart,) in marts}
