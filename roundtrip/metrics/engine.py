"""MetricFlow in this process: it writes the SQL of a metric, and the published warehouse answers it.

MetricFlow's own command `mf` asks a package registry for a newer version at every call; its engine does not.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import duckdb

from roundtrip import duck
from roundtrip.build import parse_project
from roundtrip.errors import BadInput
from roundtrip.home import Home

#: The name under which dbt's models know the database that is published under another.
_CATALOG = "work"


@dataclass(frozen=True)
class Question:
    """What is asked of the metrics.

    Attributes:
        metrics: names of metrics.
        group_by: names such as metric_time__month or customer_month__value_tier.
        where: conditions in MetricFlow's form: {{ Dimension('customer_month__country') }} = 'DE'.
        start: first day of metric_time that is looked at.
        end: the last one.
        order_by: names of metrics and group-bys, with - in front for falling; the group-bys if empty.
        limit: the most rows.
    """

    metrics: Sequence[str]
    group_by: Sequence[str] = ()
    where: Sequence[str] = ()
    start: date | None = None
    end: date | None = None
    order_by: Sequence[str] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Answer:
    """What a metric query gave.

    Attributes:
        columns: names; group-bys first, then metrics, each in the order asked for.
        rows: values in that order.
        sql: the statement that was run.
    """

    columns: list[str]
    rows: list[tuple]
    sql: str


@dataclass(frozen=True)
class MetricCard:
    """What a metric is, and by what it can be grouped."""

    name: str
    description: str
    group_by: tuple[str, ...]


class SemanticLayer:
    """The metrics of a home.

    Args:
        home: its published warehouse answers. The definitions are those that its last build left behind;
            where there are none, the project is parsed once (some seconds).
    """

    def __init__(self, home: Home):
        self._home = home
        self._engine = _engine(_manifest(home))

    def metrics(self) -> list[MetricCard]:
        """All metrics, by name."""
        return [
            MetricCard(
                metric.name,
                metric.description or "",
                tuple(sorted({dimension.granularity_free_dunder_name for dimension in metric.dimensions})),
            )
            for metric in sorted(self._engine.list_metrics(), key=lambda metric: metric.name)
        ]

    def sql(self, question: Question) -> str:
        """The statement that answers a question, in DuckDB's SQL.

        Raises:
            BadInput: a name or a condition is wrong.
        """
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest, OutputColumnOrderMode
        from metricflow_semantics.errors.error_classes import MetricFlowException

        request = MetricFlowQueryRequest.create(
            metric_names=list(question.metrics),
            group_by_names=list(question.group_by),
            where_constraints=list(question.where) or None,
            time_constraint_start=question.start and datetime.combine(question.start, time.min),
            time_constraint_end=question.end and datetime.combine(question.end, time.min),
            order_by_names=list(question.order_by) or list(question.group_by) or None,
            limit=question.limit,
            output_column_order_mode=OutputColumnOrderMode.INPUT_ORDER,
        )
        try:
            return self._engine.explain(request).sql_statement.sql
        except MetricFlowException as error:
            raise BadInput(
                f"this query cannot be answered: {_plainly(error)}",
                "`roundtrip metrics list` shows the metrics, `roundtrip metrics list NAME` what one can be "
                "grouped by",
            ) from error

    def query(self, question: Question) -> Answer:
        """Ask the published warehouse.

        Raises:
            BadInput: nothing is published, or a name or a condition is wrong.
        """
        if not self._home.current_db.exists():
            raise BadInput(
                f"{self._home.current_db} does not exist: nothing is published yet",
                "run the stages up to publish, for example with `roundtrip run`",
            )
        sql = self.sql(question)
        with _connect(self._home) as warehouse:
            try:
                if len(warehouse.extract_statements(sql)) > 1:
                    raise BadInput("`where` holds more than a condition", "leave out what follows the ;")
                found = warehouse.execute(sql)
            except duckdb.Error as error:
                raise BadInput(
                    f"the published warehouse cannot answer: {str(error).splitlines()[0]}",
                    "it may be older than the metrics' definitions: build and publish again; or a condition "
                    "compares with a value of another type",
                ) from error
            return Answer([column[0] for column in found.description], found.fetchall(), sql)


def _connect(home: Home) -> duckdb.DuckDBPyConnection:
    """The published file under the name that dbt's models use; nothing else can be read or written."""
    home.tmp_dir.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(config=duck.settings(home.tmp_dir))
    name = str(home.current_db).replace("'", "''")
    connection.execute(f"{duck.SESSION}; ATTACH '{name}' AS {_CATALOG} (READ_ONLY)")
    # A condition is SQL from outside, and could read files.
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")
    return connection


def _manifest(home: Home) -> str:
    file = home.logs_dir / "dbt" / "target" / "semantic_manifest.json"
    if not file.exists():
        parse_project(home)
    return file.read_text(encoding="utf-8")


def _engine(manifest: str):
    """MetricFlow's engine; it is never let near a database."""
    from metricflow.engine.metricflow_engine import MetricFlowEngine
    from metricflow.protocols.sql_client import SqlEngine
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
    from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    class Renderer:
        """What the engine needs of a database to write SQL for it: its dialect."""

        sql_engine_type = SqlEngine.DUCKDB
        sql_plan_renderer = DuckDbSqlPlanRenderer()

    # Every query is reported at level INFO, among others to a logger of its own called telemetry.
    for noisy in ("metricflow", "metricflow_semantics", "metricflow_semantic_interfaces"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    lookup = SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(manifest))
    return MetricFlowEngine(semantic_manifest_lookup=lookup, sql_client=Renderer())


def _plainly(error: Exception) -> str:
    """The lines of MetricFlow's message that say something, in one."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line)[:600]
