"""The landing gate: may this batch be loaded?"""

from datetime import date

import duckdb

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.errors import BadInput
from roundtrip.gates.results import Outcome, conclude, forget
from roundtrip.gates.suites import SUITES_DIR, Suite, read_suite
from roundtrip.gates.summaries import quote, summary_database
from roundtrip.home import Home
from roundtrip.ingest.door import RULE as ERASED

GATE = "landing"

ADVICE = (
    "nothing was loaded and the last publication stays; mend the files (or the mapping) and deliver them "
    "again, or change a threshold where it is written: expectations/landing/<table>.json, "
    "max_quarantined_share in company.yml"
)


def landing_gate(home: Home, as_of: date) -> dict:
    """Check the batch against `expectations/landing/` before it is loaded.

    Rows: required columns, value sets, ranges, patterns and rules of the contract, on the accepted rows of
    each table in the batch. Summary: share of quarantined rows, share of rows whose references are known
    (to the batch or to raw), newest and future rows. A batch without rows passes without any check.

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
    delivered = [table for table in contract.values() if table.name in present]
    outcomes: list[Outcome] = []
    if delivered:
        from roundtrip.gates.run import Target, run_checks

        looked_at = [t for t in contract.values() if t.required or t in delivered]
        suites = {table.name: read_suite(GATE, table.name, SUITES_DIR) for table in looked_at}
        with summary_database(home) as (figures, figures_file):
            _attach(figures, home)
            summaries = {table.name: _summarise(figures, table, present, as_of) for table in looked_at}
            figures.close()
            targets = []
            for name, suite in suites.items():
                if name in present:
                    targets.append(Target(name, home.batch_db, "main", name, suite.on("rows")))
                targets.append(
                    Target(
                        name,
                        figures_file,
                        "main",
                        f"{name}__summary",
                        _with_limit(suite, limits.get(name)),
                        summaries[name],
                    )
                )
            outcomes = run_checks(home, GATE, as_of, targets)
    return conclude(home, GATE, as_of, outcomes, {"batch_id": batch_id}, ADVICE)


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


def _attach(figures: duckdb.DuckDBPyConnection, home: Home) -> None:
    figures.execute(f"ATTACH '{quote(home.batch_db)}' AS batch (READ_ONLY)")
    if home.raw_db.exists():
        figures.execute(f"ATTACH '{quote(home.raw_db)}' AS raw_db (READ_ONLY)")
    loaded = {
        row[0]
        for row in figures.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'raw_db' AND schema_name = 'raw'"
        ).fetchall()
    }
    # Before the first load raw is empty, or a file without tables where that load was killed: a fact, not
    # an error.
    for table in source_contract().values():
        relation = f'raw_db.raw."{table.name}"' if table.name in loaded else _nothing_like(table)
        figures.execute(f'CREATE TEMP VIEW "{table.name}__raw" AS FROM {relation}')


def _summarise(figures: duckdb.DuckDBPyConnection, table: Table, present: set[str], as_of: date) -> dict:
    """One row of figures about a table's delivery, as table `<table>__summary`.

    Columns: rows_in, rows_accepted, rows_quarantined, rows_known (accepted or in raw), quarantined_share
    (without erased people's rows),
    days_since_newest (newest row up to as_of, here or in raw), rows_after_as_of, and one
    `<column>_known_share` per reference. A share of nothing is NULL, which no range refuses.
    """
    accepted = f'batch.main."{table.name}"' if table.name in present else _nothing_like(table)
    refused = f"{table.name}__quarantine"
    quarantined = f'(SELECT count(*) FROM batch.main."{refused}")' if refused in present else "0"
    # Rows of erased people are refused for ever; that says nothing about the delivery.
    faulty = (
        f'(SELECT count(*) FROM batch.main."{refused}" '
        f"WHERE NOT list_contains(list_transform(reasons, lambda why: why.rule), '{ERASED}'))"
        if refused in present
        else "0"
    )
    references = "".join(
        f""",
        (
            SELECT count(*) FILTER (known.id IS NOT NULL)::DOUBLE / nullif(count(*), 0)
            FROM (SELECT "{column.name}" AS id FROM {accepted} WHERE "{column.name}" IS NOT NULL) AS referring
            LEFT JOIN ({_known_ids(column.references, present)}) AS known USING (id)
        ) AS "{column.name}_known_share" """
        for column in table.columns
        if column.references
    )
    figures.execute(
        f"""
        CREATE TABLE "{table.name}__summary" AS
        WITH accepted AS (
            SELECT
                count(*) AS rows_accepted,
                count(*) FILTER (CAST("{table.occurred}" AS DATE) > $as_of) AS rows_after_as_of,
                max(CAST("{table.occurred}" AS DATE)) FILTER (CAST("{table.occurred}" AS DATE) <= $as_of)
                    AS newest_on
            FROM {accepted}
        ), before AS (
            SELECT
                count(*) AS rows_before,
                max(CAST("{table.occurred}" AS DATE)) FILTER (CAST("{table.occurred}" AS DATE) <= $as_of)
                    AS newest_on
            FROM "{table.name}__raw"
        )
        SELECT
            rows_accepted + {quarantined} AS rows_in,
            rows_accepted,
            {quarantined} AS rows_quarantined,
            rows_accepted + rows_before AS rows_known,
            {faulty}::DOUBLE / nullif(rows_accepted + {faulty}, 0) AS quarantined_share,
            date_diff('day', greatest(accepted.newest_on, before.newest_on), $as_of) AS days_since_newest,
            rows_after_as_of {references}
        FROM accepted CROSS JOIN before
        """,
        {"as_of": as_of},
    )
    relation = figures.execute(f'SELECT * FROM "{table.name}__summary"')
    return dict(zip((c[0] for c in relation.description), relation.fetchone(), strict=True))


def _nothing_like(table: Table) -> str:
    columns = ", ".join(f'CAST(NULL AS {column.sql_type}) AS "{column.name}"' for column in table.columns)
    return f"(SELECT {columns} WHERE false)"


def _known_ids(referenced: str, present: set[str]) -> str:
    """Distinct keys of the referenced table, in the batch or in raw."""
    key = source_contract()[referenced].key[0]
    places = [f'"{referenced}__raw"']
    if referenced in present:
        places.append(f'batch.main."{referenced}"')
    everywhere = " UNION ALL ".join(f'SELECT "{key}" AS id FROM {place}' for place in places)
    return f"SELECT DISTINCT id FROM ({everywhere})"
