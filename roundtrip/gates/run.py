"""Running suites with Great Expectations on read-only DuckDB files."""

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
from roundtrip.home import Home

#: How many unexpected values a result shows.
EXAMPLES_SHOWN = 5


@dataclass(frozen=True)
class Target:
    """Expectations and the relation to check them on.

    The suite in the Data Docs is named like the relation. `observed` holds the figures of a summary row, so
    that a result shows a figure that passed, too.
    """

    table: str
    database: Path
    schema: str
    relation: str
    expectations: Sequence[dict]
    observed: dict | None = None


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
                    target.relation, table_name=target.relation, schema_name=target.schema
                )
                suite = context.suites.add(
                    gx.ExpectationSuite(name=target.relation, expectations=list(target.expectations))
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
                gx.Checkpoint(name=gate, validation_definitions=definitions, result_format="SUMMARY")
            )
            run_id = RunIdentifier(run_name=gate, run_time=datetime.combine(as_of, time(), UTC))
            results = list(checkpoint.run(run_id=run_id).run_results.values())
    except Exception as error:
        raise CheckBroken(
            f"the {gate} gate for {as_of} could not run its suites: {error}",
            f"this says nothing about the data; see expectations/{gate}/ and the tables it names",
        ) from error
    outcomes: list[Outcome] = []
    failed = {}
    for target, suite, result in zip(targets, suites, results, strict=True):
        by_id = {each.expectation_config.id: each for each in result.results}
        found = [
            _outcome(target, written, by_id[expectation.id])
            for written, expectation in zip(target.expectations, suite.expectations, strict=True)
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


def _outcome(target: Target, written: dict, result: Any) -> Outcome:
    meta = written["meta"]
    column = meta.get("column") or written["kwargs"].get("column")
    details = result.result or {}
    # SQL checks report their number of rows as the observed value.
    is_sql = written["type"] == "unexpected_rows_expectation"
    count = details.get("observed_value") if is_sql else details.get("unexpected_count")
    if target.observed is not None and column in target.observed:
        # A row of figures is no row of data: its number would read as one bad row among thousands.
        observed, count = target.observed[column], None
    elif "observed_value" in details:
        observed = details["observed_value"]
    else:
        examples = details.get("partial_unexpected_list") or []
        observed = list(dict.fromkeys(str(value) for value in examples))[:EXAMPLES_SHOWN] or None
    return Outcome(
        table=target.table,
        expectation=meta.get("name") or written["type"],
        column=column,
        severity=meta["severity"],
        reason=meta["reason"],
        success=bool(result.success),
        observed=observed,
        unexpected_count=count,
        broken=_broken(result.exception_info),
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
    return str(raised[0].get("exception_message")) if raised else None
