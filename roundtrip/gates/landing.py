"""The landing gate: may this batch be loaded?"""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.errors import BadInput, CheckBroken
from roundtrip.gates import rows
from roundtrip.gates.delivery import account, keys, references, shape
from roundtrip.gates.doubts import doubts
from roundtrip.gates.drift import drift, new_currencies
from roundtrip.gates.personal import create_macros, personal
from roundtrip.gates.personal import told as of_kinds
from roundtrip.gates.results import Outcome, conclude, forget
from roundtrip.gates.sides import Sides, accepted
from roundtrip.gates.suites import SUITES_DIR, Suite, read_suite
from roundtrip.gates.summaries import store, summary_database
from roundtrip.gates.volume import period, silence, volume
from roundtrip.home import Home

if TYPE_CHECKING:
    from roundtrip.gates.run import Target

GATE = "landing"

ADVICE = (
    "nothing was loaded and the last publication stays; mend the files (or the mapping) and deliver them "
    "again, or change a threshold where it is written: expectations/landing/<table>.json, "
    "max_quarantined_share in company.yml"
)


def landing_gate(home: Home, as_of: date) -> dict:
    """Check the batch against `expectations/landing/` before it is loaded.

    Rows: required columns, value sets, ranges, patterns and rules of the contract, on the accepted rows of
    each table in the batch. Summary: figures about the delivery, for every table that came or is required
    (`roundtrip/gates/{delivery,doubts,volume,drift,personal}.py`). A batch without rows passes without any
    check.

    Returns:
        The summary; the whole result is `gates/landing/<as_of>.json`.

    Raises:
        BadInput: files have not been read.
        GateFailed: a check marked `fail` said no.
        CheckBroken: a check could not be carried out.
    """
    if not home.batch_db.exists():
        raise BadInput(f"{home.batch_db} does not exist", "run the stage read_files first")
    forget(home, GATE, as_of)
    limits = _quarantine_limits(home)
    contract = source_contract()
    with duck.connect(home.batch_db, home.tmp_dir, read_only=True) as batch:
        present = {row[0] for row in batch.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        batch_id = batch.execute("SELECT batch_id FROM batch").fetchone()[0]
    outcomes: list[Outcome] = []
    if any(table in present for table in contract):
        from roundtrip.gates.run import run_checks

        looked_at = [table for table in contract.values() if table.required or table.name in present]
        suites = {table.name: read_suite(GATE, table.name, SUITES_DIR) for table in looked_at}
        with summary_database(home) as (figures, file):
            targets = []
            try:
                sides = Sides.attach(figures, home, as_of)
                create_macros(figures)
                for table in looked_at:
                    targets += _targets(sides, file, table, suites[table.name], limits.get(table.name))
            except duckdb.Error as error:
                raise CheckBroken(
                    f"the landing gate for {as_of} could not compute its figures: "
                    + duck.without_values(error),
                    "this says nothing about the data; see roundtrip/gates/",
                ) from error
            figures.close()
            outcomes = run_checks(home, GATE, as_of, targets)
    return conclude(home, GATE, as_of, outcomes, {"batch_id": batch_id}, ADVICE)


def _targets(sides: Sides, file: Path, table: Table, suite: Suite, limit: float | None) -> list["Target"]:
    """The figures of a table, kept in the scratch database, and the checks of them."""
    from roundtrip.gates.run import Target, checks_of_figures, checks_of_rows

    targets = []
    if table.name in sides.present:
        counted = rows.count(sides.connection, accepted(table), suite.on("rows"), shown=_lists(table))
        store(sides.connection, table.name, {each.figure: each.count for each in counted})
        targets.append(Target(table.name, file, table.name, checks_of_rows(counted)))
    figures, told = summarise(sides, table)
    relation = f"{table.name}__summary"
    kept = store(sides.connection, relation, figures)
    checks = checks_of_figures(_with_limit(suite, limit), kept, told)
    return [*targets, Target(table.name, file, relation, checks)]


def summarise(sides: Sides, table: Table) -> tuple[dict, dict[str, str]]:
    """Every figure about a table's delivery, by name, and in words where a figure alone tells too little."""
    figures = {**shape(sides, table), **account(sides, table)}
    found = period(sides, table) if table.name in sides.present else None
    shares, told = references(sides, table)
    figures |= shares
    figures |= keys(sides, table)
    figures |= doubts(sides, table)
    volumes = volume(found)
    figures |= volumes
    silences = silence(found)
    figures |= silences
    figures |= drift(sides, table, found)
    figures |= new_currencies(sides, table, found)
    counts, kinds = personal(sides, table)
    figures |= counts
    told |= {f"{column}_personal_rows": of_kinds(found) for column, found in kinds.items() if found}
    if volumes["volume_deviation"] is not None:
        told["volume_deviation"] = (
            f"{volumes['volume_deviation']:.1f} standard deviations: {volumes['new_rows']} new rows, "
            f"{volumes['expected_new_rows']:.0f} expected"
        )
    if silences["silence_ratio"] is not None:
        told["silence_ratio"] = (
            f"no row of the last {silences['silent_days']} days; the longest stretch of a year had "
            f"{silences['longest_silent_days']}"
        )
    return figures, told


def _lists(table: Table) -> list[str]:
    """Columns whose words come from a list, so that an unexpected one may be shown."""
    return [column.name for column in table.columns if column.values and not column.pii]


def _quarantine_limits(home: Home) -> dict[str, float]:
    """The company's own limits, by table."""
    if not home.company_file.exists():
        return {}
    limits = Company.load(home).settings.get("max_quarantined_share") or {}
    well_formed = isinstance(limits, dict) and all(
        table in source_contract() and isinstance(share, int | float) and 0 <= share <= 1
        for table, share in limits.items()
    )
    if not well_formed:
        raise BadInput(
            f"company.yml: max_quarantined_share is {limits!r}",
            "give a share from 0 to 1 per contract table, such as {bookings: 0.2}",
        )
    return limits


def _with_limit(suite: Suite, limit: float | None) -> list[dict]:
    expectations = suite.on("summary")
    if limit is not None:
        for expectation in expectations:
            is_limit = expectation["kwargs"].get("column") == "quarantined_share"
            if is_limit and expectation["meta"]["severity"] == "fail":
                expectation["kwargs"]["max_value"] = limit
    return expectations
