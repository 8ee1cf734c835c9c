"""Metrics: the numbers of kpi_months by every segment, the command, and a description of every column."""

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import date

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from roundtrip.alive import Parameters, probability_alive
from roundtrip.build import dbt_environment, dbt_vars
from roundtrip.build.settings import PROJECT_DIR
from roundtrip.cli import app
from roundtrip.errors import BadInput
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.metrics import Question, SemanticLayer
from roundtrip.metrics.engine import _connect
from roundtrip.publish import published
from tests.company_fixture import AS_OF, published_company

#: Told by the segment at the month's start; everything else by the one at its end.
OPENING = ("churn_", "retention_rate", "win_back_rate", "campaign_")
CHANGING = ("value_tier", "service_line", "cohort")
#: A median of the whole history is no sum over rows.
NOT_METRICS = {"retention_period_months"}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    return published_company(tmp_path_factory)


@pytest.fixture(scope="module")
def layer(home) -> SemanticLayer:
    return SemanticLayer(home)


@pytest.fixture(scope="module")
def kpis(home) -> dict[tuple, float]:
    """By (segment_kind, indicator, month, segment)."""
    with published(home) as warehouse:
        rows = warehouse.execute(
            "SELECT segment_kind, indicator, month, segment, value FROM marts.kpi_months"
        ).fetchall()
    return {row[:4]: row[4] for row in rows}


def asked(layer: SemanticLayer, kind: str, indicators: Iterable[str], prefix: str = "") -> dict[tuple, float]:
    """The same from the metrics; what is not known is left out."""
    names = sorted(indicators)
    group = [] if kind == "all" else [f"customer_month__{prefix}{kind}"]
    answer = layer.query(Question(names, ["metric_time__month", *group]))
    return {
        (kind, name, row[0].date(), row[1] if group else "all"): float(value)
        for row in answer.rows
        for name, value in zip(names, row[1 + len(group) :], strict=True)
        if value is not None
    }


def test_every_indicator_is_a_metric(layer, kpis):
    indicators = {key[1] for key in kpis}
    metrics = {card.name for card in layer.metrics()}
    assert len(indicators) > 25
    assert indicators - metrics == NOT_METRICS & indicators


@pytest.mark.parametrize("kind", ["all", "country", "acquisition_channel", *CHANGING])
@pytest.mark.parametrize("is_opening", [True, False], ids=["opening", "closing"])
def test_metrics_are_the_indicators_of_each_month(layer, kpis, kind, is_opening):
    expected = {
        key: value
        for key, value in kpis.items()
        if key[0] == kind and key[1].startswith(OPENING) == is_opening and key[1] not in NOT_METRICS
    }
    assert len(expected) > 200
    found = asked(layer, kind, {key[1] for key in expected}, "opening_" * (is_opening and kind in CHANGING))
    assert sorted(found) == sorted(expected)
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_stock_is_not_added_up_over_months_but_a_flow_is(layer):
    columns = ["customers", "bookings", "buyers"]
    months = layer.query(Question(columns, ["metric_time__month"])).rows
    (year,) = layer.query(Question(columns, ["metric_time__year"], start=date(2024, 1, 1))).rows
    last_year = [row for row in months if row[0].year == 2024]
    assert len(last_year) == 12
    assert (year[1], year[3]) == (months[-1][1], months[-1][3])
    assert year[2] == sum(row[2] for row in last_year)


def test_who_customers_are_can_be_joined(layer, home):
    found = dict(layer.query(Question(["bookings_made"], ["customer__gender"])).rows)
    with published(home) as warehouse:
        expected = warehouse.execute(
            "SELECT gender, count(*) FROM marts.fct_bookings JOIN marts.dim_customers USING (customer_id) "
            "GROUP BY gender"
        ).fetchall()
    assert found == dict(expected)


def test_conditions_dates_order_and_limit(layer, kpis):
    answer = layer.query(
        Question(
            ["customers"],
            ["metric_time__month", "customer_month__country"],
            where=["{{ Dimension('customer_month__country') }} IN ('DE', 'FR')"],
            start=date(2024, 11, 1),
            end=date(2024, 12, 31),
            order_by=["-customers"],
            limit=3,
        )
    )
    assert answer.columns == ["metric_time__month", "customer_month__country", "customers"]
    expected = sorted(
        (
            kpis["country", "customers", date(2024, month, 1), country]
            for month in (11, 12)
            for country in ("DE", "FR")
        ),
        reverse=True,
    )
    assert [row[2] for row in answer.rows] == expected[:3]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"metrics": ["churn_rat"]}, "churn_rate"),
        ({"metrics": ["churn_rate"], "group_by": ["customer_month__contry"]}, "customer_month__country"),
        ({"metrics": ["churn_rate"], "where": ["{{ Dimension('nobody') }} = 1"]}, "nobody"),
        ({"metrics": ["churn_rate"], "where": ["no_such_column = 1"]}, "no_such_column"),
    ],
)
def test_a_wrong_name_is_said_with_what_there_is(layer, query, said):
    with pytest.raises(BadInput, match=said):
        layer.query(Question(**query))


def test_a_condition_can_do_nothing_but_choose(layer, home, tmp_path):
    target = tmp_path / "stolen.csv"
    before = home.current_db.read_bytes()
    for statement in (f"COPY (SELECT 1) TO '{target}'", "DROP TABLE work.marts.dim_customers"):
        with pytest.raises(BadInput, match="holds more than a condition"):
            layer.query(Question(["bookings"], where=[f"1 = 1; {statement}"]))
    with pytest.raises(BadInput, match="file system operations are disabled"):
        layer.query(Question(["bookings"], where=["1 = (SELECT count(*) FROM read_csv('/etc/hostname'))"]))
    # Should a statement get through nevertheless, it has nothing that it could change.
    with _connect(home) as warehouse:
        for statement, refusal in (
            ("DROP TABLE work.marts.dim_customers", "read-only"),
            (f"COPY (SELECT 1) TO '{target}'", "disabled"),
            ("SET enable_external_access = true", "locked"),
        ):
            with pytest.raises(duckdb.Error, match=refusal):
                warehouse.execute(statement)
    assert not target.exists()
    assert home.current_db.read_bytes() == before


def test_nothing_published_is_said(home, tmp_path):
    other = Home(tmp_path / "other")
    target = other.logs_dir / "dbt" / "target"
    target.mkdir(parents=True)
    manifest = home.logs_dir / "dbt" / "target" / "semantic_manifest.json"
    (target / manifest.name).write_bytes(manifest.read_bytes())
    with pytest.raises(BadInput, match="nothing is published yet"):
        SemanticLayer(other).query(Question(["customers"]))


# --- the command --------------------------------------------------------------------------------------------


def command(home: Home, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["metrics", *arguments, "--home", str(home.root)])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def test_the_command_lists_shows_and_answers(home, kpis):
    assert "repeat_purchase_rate" in command(home, "list")
    assert "customer_month__opening_value_tier" in command(home, "list", "churn_rate")
    lines = command(
        home, "query", "--metrics", "customers,churn_rate", "--group-by", "metric_time__month", "--csv"
    ).splitlines()
    assert lines[0] == "metric_time__month,customers,churn_rate"
    month, customers, churn_rate = lines[-1].split(",")
    key = (date.fromisoformat(month), "all")
    assert float(customers) == kpis["all", "customers", *key]
    assert float(churn_rate) == pytest.approx(kpis["all", "churn_rate", *key], rel=1e-5)
    assert "fct_customer_activity" in command(home, "query", "--metrics", "customers", "--explain")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "nothing"], "there is no metric 'nothing'"),
        (["query", "--metrics", "customers", "--start", "yesterday"], "--start 'yesterday' is not a date"),
    ],
)
def test_the_command_says_what_is_wrong(home, arguments, said):
    result = CliRunner().invoke(app, ["metrics", *arguments, "--home", str(home.root)])
    assert isinstance(result.exception, BadInput)
    assert said in str(result.exception)


def test_asking_calls_nobody(home):
    """Every connection is refused here; MetricFlow's own command would try one."""
    script = """
import socket, sys
def refuse(*_, **__):
    raise AssertionError("a connection was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from typer.testing import CliRunner
from roundtrip.cli import app
query = ["metrics", "query", "--metrics", "customers", "--csv", "--home", sys.argv[1]]
result = CliRunner().invoke(app, query)
print(result.output, repr(result.exception), "update_checker" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(home.root)], capture_output=True, text=True, cwd=PROJECT_ROOT
    )
    assert done.stdout.split() == ["customers", "300", "None", "False"], done.stderr


# --- what else the build leaves behind ----------------------------------------------------------------------


def test_the_probability_in_the_warehouse_is_that_of_its_parameters(home):
    """SQL and Python have the formula each; and nobody is judged by what was learned later."""
    with duckdb.connect(str(home.work_db), read_only=True) as work:
        rows = work.execute(
            """
            SELECT months.probability_alive, parameters.* EXCLUDE (status), rhythm.gap_count,
                (rhythm.last_booked_on - rhythm.first_booked_on) / 7 AS recency,
                (rhythm.as_of_date - rhythm.first_booked_on) / 7 AS age, months.as_of_date
            FROM marts.fct_customer_months AS months
            JOIN intermediate.int_customer_rhythm AS rhythm USING (customer_id, as_of_date)
            ASOF JOIN intermediate.int_alive_parameters AS parameters
            ON months.as_of_date >= parameters.fitted_on
            """
        ).df()
        statuses = work.execute(
            "SELECT status FROM intermediate.int_alive_parameters ORDER BY fitted_on"
        ).df()
    known = rows[rows["r"].notna()]
    assert len(known) > 3000
    assert rows.loc[rows["r"].isna(), "probability_alive"].isna().all()
    assert statuses["status"].tolist()[-1] == "fitted"
    assert "history_too_short" in set(statuses["status"])
    assert (known["parameters_from"] <= known["as_of_date"]).all()
    for (r, alpha, a, b), group in known.groupby(["r", "alpha_weeks", "a", "b"]):
        expected = probability_alive(
            Parameters(r, alpha, a, b, 0.0), group["gap_count"], group["recency"], group["age"]
        )
        np.testing.assert_allclose(group["probability_alive"], expected, atol=1e-6)


def test_every_column_is_described_and_the_lineage_reaches_those_who_use_it(home):
    """`dbt docs generate`, offline, in its own folder."""
    arguments = ["docs", "generate", "--vars", json.dumps(dbt_vars(home))]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "dbt.cli.main", *arguments],
        cwd=PROJECT_DIR,
        env={"PATH": "", **dbt_environment(home, AS_OF)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    target = home.logs_dir / "dbt" / "target"
    assert (target / "index.html").stat().st_size > 100_000
    manifest, catalog = (
        json.loads((target / f"{name}.json").read_text(encoding="utf-8")) for name in ("manifest", "catalog")
    )
    models = {
        key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")
    }
    assert len(models) > 50
    undescribed = []
    for key, node in models.items():
        described = {name for name, column in node["columns"].items() if column["description"].strip()}
        there = {name.lower() for name in catalog["nodes"][key]["columns"]}
        undescribed += [f"{node['name']}.{column}" for column in sorted(there ^ described)]
        if not node["description"].strip():
            undescribed.append(node["name"])
    assert undescribed == []

    used = {name for exposure in manifest["exposures"].values() for name in exposure["depends_on"]["nodes"]}
    assert {exposure["name"] for exposure in manifest["exposures"].values()} >= {
        "report",
        "churn_model",
        "customer_scores",
        "explorer",
    }
    assert {"model.roundtrip.kpi_months", "model.roundtrip.customer_features"} <= used
    parents = manifest["parent_map"]

    def reaches(node: str) -> set[str]:
        return {node} | {above for parent in parents.get(node, []) for above in reaches(parent)}

    assert "source.roundtrip.raw.bookings" in reaches("metric.roundtrip.churn_rate")
    assert "source.roundtrip.raw.bookings" in reaches("exposure.roundtrip.churn_model")
