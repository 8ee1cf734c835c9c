"""The marts gate: may this warehouse be published?"""

from datetime import date

import duckdb

from roundtrip.errors import BadInput, CheckBroken
from roundtrip.gates import rows
from roundtrip.gates.results import conclude, forget
from roundtrip.gates.suites import SUITES_DIR, Suite, read_suite
from roundtrip.gates.summaries import quote, store, summary_database
from roundtrip.gates.work import work_fingerprint
from roundtrip.home import Home

GATE = "published"

#: The tables with a suite, and the column that says when a row is for (None: no such column).
CHECKED = {
    "warehouse_info": "as_of_date",
    "dim_customers": "registered_at",
    "fct_bookings": "booked_at",
    "fct_customer_months": "as_of_date",
    "fct_customer_activity": "as_of_date",
    "fct_lifecycle_changes": "changed_on",
    "fct_churn": "churned_on",
    "kpi_months": "month",
    "kpi_gaps": "month",
    "dim_days": "day_on",
    "quality_runs": None,
    "customer_features": "as_of_date",
    "churn_labels": "as_of_date",
    "customer_consents": "changed_at",
    "customer_identities": None,
    "fct_campaign_touches": "assigned_at",
    "fct_survey_answers": "responded_at",
    "customer_signals": "as_of_date",
}

ADVICE = (
    "nothing was published and the last publication stays; find the model in dbt_project/ (or the rows in "
    "raw) that makes these rows, or change the threshold in expectations/published/<table>.json"
)


def marts_gate(home: Home, as_of: date) -> dict:
    """Check the built marts against `expectations/published/` before they are published.

    Returns:
        The summary, with the work file's fingerprint; the whole result is `gates/published/<as_of>.json`.
        `publish` takes only the file with that fingerprint.

    Raises:
        BadInput: the warehouse has not been built.
        GateFailed: a check marked `fail` said no.
        CheckBroken: a table or column that a check needs is missing, or a check could not be carried out.
    """
    if not home.work_db.exists():
        raise BadInput(f"{home.work_db} does not exist", "run the stage build_warehouse first")
    forget(home, GATE, as_of)
    from roundtrip.gates.run import Target, checks_of_figures, checks_of_rows, run_checks

    # Taken first: a build that slips in while the checks run then has another fingerprint.
    fingerprint = work_fingerprint(home.work_db)
    suites = {table: read_suite(GATE, table, SUITES_DIR) for table in CHECKED}
    with summary_database(home) as (figures, figures_file):
        figures.execute(f"ATTACH '{quote(home.work_db)}' AS work (READ_ONLY)")
        _require_tables(figures)
        has_publication = _attach_comparable_publication(figures, home, as_of)
        summaries = {
            table: _summarise(figures, table, dated_by, as_of, has_publication)
            for table, dated_by in CHECKED.items()
        }
        targets = []
        for table, suite in suites.items():
            counted = rows.count(figures, f'work.marts."{table}"', suite.on("rows"), shown=_lists(suite))
            store(figures, table, {each.figure: each.count for each in counted})
            targets.append(Target(table, figures_file, table, checks_of_rows(counted)))
            kept = store(figures, f"{table}__summary", summaries[table])
            checks = checks_of_figures(suite.on("summary"), kept)
            targets.append(Target(table, figures_file, f"{table}__summary", checks))
        figures.close()
        outcomes = run_checks(home, GATE, as_of, [target for target in targets if target.checks])
    return conclude(home, GATE, as_of, outcomes, {"fingerprint": fingerprint}, ADVICE)


def _require_tables(figures: duckdb.DuckDBPyConnection) -> None:
    there = {
        row[0]
        for row in figures.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'work' AND schema_name = 'marts'"
        ).fetchall()
    }
    if missing := [table for table in CHECKED if table not in there]:
        raise CheckBroken(
            f"the built warehouse has no {', '.join('marts.' + table for table in missing)}",
            "a check of a table that is not there says nothing; run the stage build_warehouse again",
        )


def _attach_comparable_publication(figures: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> bool:
    """Attach the current publication if it is for this date or an earlier one.

    A rebuild of a past date rightly has fewer customers than a later publication.
    """
    if not home.current_db.exists():
        return False
    figures.execute(f"ATTACH '{quote(home.current_db)}' AS current (READ_ONLY)")
    (published_for,) = figures.execute("SELECT max(as_of_date) FROM current.marts.warehouse_info").fetchone()
    return published_for is not None and published_for <= as_of


def _summarise(
    figures: duckdb.DuckDBPyConnection, table: str, dated_by: str | None, as_of: date, has_publication: bool
) -> dict:
    """Figures about a mart.

    row_count, rows_after_as_of, days_from_as_of (newest row to as_of), kept_share (customers now /
    customers published; NULL without a comparable publication).
    """
    day = f'CAST("{dated_by}" AS DATE)' if dated_by else "CAST(NULL AS DATE)"
    kept = "CAST(NULL AS DOUBLE)"
    if table == "dim_customers" and has_publication:
        kept = "count(*)::DOUBLE / nullif((SELECT count(*) FROM current.marts.dim_customers), 0)"
    result = figures.execute(
        f"""
        SELECT
            count(*) AS row_count,
            count(*) FILTER ({day} > $as_of) AS rows_after_as_of,
            date_diff('day', max({day}), $as_of) AS days_from_as_of,
            {kept} AS kept_share
        FROM work.marts."{table}"
        """,
        {"as_of": as_of},
    )
    return dict(zip((each[0] for each in result.description), result.fetchone(), strict=True))


def _lists(suite: Suite) -> list[str]:
    """Columns whose words come from a list, so that an unexpected one may be shown."""
    return [each["kwargs"]["column"] for each in suite.expectations if "value_set" in each["kwargs"]]
