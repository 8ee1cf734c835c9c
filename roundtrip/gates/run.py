"""Running suites with Great Expectations on one-row tables of figures, in a read-only DuckDB file.

Great Expectations is asked for yes or no only: whatever else it could tell of a table of data would hold
values of rows, and end in results, pages and logs.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from roundtrip import duck
from roundtrip.errors import CheckBroken
from roundtrip.gates.datadocs import build_data_docs
from roundtrip.gates.results import Outcome
from roundtrip.gates.rows import Counted, figure_expectation
from roundtrip.home import Home


@dataclass(frozen=True)
class Check:
    """One expectation: as its suite has it, and as it is carried out on a figure.

    `observed` and `unexpected_count` are what a result shows, passed or not. `error` says why the figure
    could not be computed: the check is broken.
    """

    written: dict
    carried_out: dict
    observed: Any = None
    unexpected_count: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class Target:
    """Checks, and the one-row relation of figures that they are carried out on.

    The suite in the Data Docs is named like the relation.
    """

    table: str
    database: Path
    relation: str
    checks: Sequence[Check]


def checks_of_rows(counted: Sequence[Counted]) -> list[Check]:
    """Checks of counted rows; the relation must have each figure."""
    return [
        Check(each.written, figure_expectation(each), list(each.examples) or None, each.count, each.error)
        for each in counted
    ]


def checks_of_figures(expectations: Sequence[dict], figures: dict, told: dict | None = None) -> list[Check]:
    """Checks of figures about a table as a whole.

    A row of figures is no row of data: its number would read as one bad row among thousands.

    Args:
        told: by figure what a result shows instead of the figure.
    """
    shown = {**figures, **(told or {})}
    return [Check(each, each, shown.get(each["kwargs"].get("column"))) for each in expectations]


def run_checks(home: Home, gate: str, as_of: date, targets: Sequence[Target]) -> list[Outcome]:
    """Check every target and write the Data Docs of this gate.

    The context lives in memory: a run never writes into expectations/. Nothing is sent anywhere.

    Returns:
        One outcome per expectation, in the suites' order. A check that raised is `broken`.

    Raises:
        CheckBroken: Great Expectations itself could not start a suite (for example: no such table).
    """
    # Read when the library is imported; off even where a user's own environment says otherwise.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier

    from roundtrip.gates import dialect

    dialect.register()
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    try:
        with _sources(context, home, {target.database for target in targets}) as sources:
            suites, definitions = [], []
            for target in targets:
                asset = sources[target.database].add_table_asset(
                    target.relation, table_name=target.relation, schema_name="main"
                )
                suite = context.suites.add(
                    gx.ExpectationSuite(
                        name=target.relation, expectations=[_with_notes(check) for check in target.checks]
                    )
                )
                suites.append(suite)
                definitions.append(
                    context.validation_definitions.add(
                        gx.ValidationDefinition(
                            name=target.relation,
                            data=asset.add_batch_definition_whole_table("all rows"),
                            suite=suite,
                        )
                    )
                )
            checkpoint = context.checkpoints.add(
                gx.Checkpoint(name=gate, validation_definitions=definitions, result_format="BOOLEAN_ONLY")
            )
            run_id = RunIdentifier(run_name=gate, run_time=datetime.combine(as_of, time(), UTC))
            results = list(checkpoint.run(run_id=run_id).run_results.values())
    except Exception as error:
        raise CheckBroken(
            f"the {gate} gate for {as_of} could not run its suites: {duck.without_values(error)}",
            f"this says nothing about the data; see expectations/{gate}/ and the tables it names",
        ) from error
    outcomes: list[Outcome] = []
    failed = {}
    for target, suite, result in zip(targets, suites, results, strict=True):
        by_id = {each.expectation_config.id: each for each in result.results}
        found = [
            _outcome(target.table, check, by_id[expectation.id])
            for check, expectation in zip(target.checks, suite.expectations, strict=True)
        ]
        failed[target.relation] = (len(found), sum(not outcome.success for outcome in found))
        outcomes += found
    build_data_docs(context, home.gates_dir / "data_docs", gate, failed)
    return outcomes


@contextmanager
def _sources(context: Any, home: Home, databases: set[Path]) -> Iterator[dict[Path, Any]]:
    """A read-only data source per file; every connection is closed at the end.

    An open one would keep the build out, and show this process the old file after a replacement.
    """
    from roundtrip.gates import dialect

    arguments = {"read_only": True, "config": duck.settings(home.tmp_dir)}
    sources = {}
    try:
        for number, database in enumerate(sorted(databases)):
            sources[database] = context.data_sources.add_sql(
                f"source_{number}",
                connection_string=f"{dialect.SCHEME}:///{database}",
                create_temp_table=False,
                kwargs={"connect_args": arguments},
            )
        yield sources
    finally:
        for source in sources.values():
            execution = source.get_execution_engine()
            execution.close()
            execution.engine.dispose()
            source.get_engine().dispose()


def _with_notes(check: Check) -> dict:
    """The expectation as it is carried out, with what a reader of its page wants to know."""
    meta = check.written["meta"]
    notes = [f"{meta['severity']}: {meta['reason']}"]
    if check.unexpected_count:
        notes.append(f"{check.unexpected_count} rows break it")
    if check.observed is not None:
        notes.append(f"observed: {check.observed}")
    return {**check.carried_out, "meta": {**meta, "notes": notes}}


def _outcome(table: str, check: Check, result: Any) -> Outcome:
    written = check.written
    meta = written["meta"]
    return Outcome(
        table=table,
        expectation=meta.get("name") or written["type"],
        column=meta.get("column") or written["kwargs"].get("column"),
        severity=meta["severity"],
        reason=meta["reason"],
        success=bool(result.success) and check.error is None,
        observed=check.observed,
        unexpected_count=check.unexpected_count,
        broken=check.error or _broken(result.exception_info),
    )


def _broken(exception_info: dict | None) -> str | None:
    """The message of the exception inside a check, if there was one.

    Great Expectations reports an exception as `success: False`, and its details either flat or one per
    metric.
    """
    if not exception_info:
        return None
    each = [exception_info] if "raised_exception" in exception_info else exception_info.values()
    raised = [info for info in each if info.get("raised_exception")]
    return duck.without_values(str(raised[0].get("exception_message"))) if raised else None
