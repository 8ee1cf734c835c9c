"""The suite files say what the contract says, and every choice in them is an author's."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from roundtrip.contract import Table, source_contract
from roundtrip.errors import CheckBroken
from roundtrip.gates.generate import as_text, landing_suite
from roundtrip.gates.landing import summarise
from roundtrip.gates.marts import CHECKED
from roundtrip.gates.reasons import chinese
from roundtrip.gates.rows import counting
from roundtrip.gates.suites import SUITES_DIR, read_suite
from roundtrip.gates.watched import watched
from roundtrip.home import PROJECT_ROOT, Home
from tests.sides import sides_of, write_sides

TABLES = list(source_contract().values())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_suite_repeats_everything_the_contract_demands(table: Table):
    rows = read_suite("landing", table.name).on("rows")
    by_kind = {}
    for expectation in rows:
        by_kind.setdefault(expectation["type"], {})[
            expectation["meta"].get("name") or _column(expectation)
        ] = expectation["kwargs"]
        assert expectation["meta"]["severity"] == "fail"
    sql = by_kind.get("unexpected_rows_expectation", {})
    assert set(by_kind["expect_column_values_to_not_be_null"]) == {
        c.name for c in table.columns if c.required
    }
    values = by_kind.get("expect_column_values_to_be_in_set", {})
    assert {name: tuple(kwargs["value_set"]) for name, kwargs in values.items()} == {
        c.name: c.values for c in table.columns if c.values
    }
    ranges = by_kind.get("expect_column_values_to_be_between", {})
    assert {name: (k.get("min_value"), k.get("max_value")) for name, k in ranges.items()} == {
        c.name: (c.min, c.max) for c in table.columns if c.min is not None or c.max is not None
    }
    queries = {name: kwargs["unexpected_rows_query"] for name, kwargs in sql.items()}
    for column in table.columns:
        if column.pattern:
            # Doubled braces are Great Expectations' escape.
            assert column.pattern in queries[f"{column.name}_pattern"].format(batch="batch")
    for rule in table.rules:
        assert rule.holds in queries[rule.name]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_suite_file_is_the_generated_one(table: Table):
    file = SUITES_DIR / "landing" / f"{table.name}.json"
    assert file.read_text(encoding="utf-8") == as_text(landing_suite(table)), (
        "run `python -m roundtrip.gates.generate`, or make the change in roundtrip/gates/generate.py"
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_summary_has_the_thresholds(table: Table):
    limits = _limits(table.name)
    assert limits["quarantined_share", "fail"] == 0.5
    assert limits["quarantined_share", "warn"] == 0.05
    assert limits["rows_after_as_of", "warn"] == 0
    assert (("rows_known", "fail") in limits) == table.required
    if table.name == "bookings":
        assert limits["customer_id_known_share_at_most", "fail"] == 0.95
        assert limits["customer_id_known_share_at_most", "warn"] == 0.99
        assert limits["days_since_newest", "warn"] == 35
        assert limits["new_currencies", "warn"] == 0
    assert (limits["columns_missing", "fail"], limits["columns_mistyped", "fail"]) == (0, 0)
    assert (limits["repeated_key_share", "fail"], limits["repeated_key_share", "warn"]) == (0.5, 0.05)
    assert limits["volume_deviation", "warn"] == 3
    looked_through = watched()[table.name]
    for doubt in looked_through.doubts:
        assert 0 < limits[f"{doubt.name}_broken_share", "warn"] <= 0.2
    for column in looked_through.drift:
        assert limits[f"{column}_drift", "warn"] == 0.1
    for column in (*looked_through.free_text, *looked_through.names, *looked_through.ids):
        assert limits[f"{column}_personal_rows", "warn"] == 0
        assert ((f"{column}_personal_share", "fail") in limits) == (column not in looked_through.ids)


def test_every_figure_of_a_suite_is_one_that_the_gate_computes(home: Home):
    day = date(2025, 6, 30)
    write_sides(
        home,
        {
            table.name: f"SELECT {', '.join(f'NULL AS {name}' for name in table.column_names)} LIMIT 0"
            for table in TABLES
        },
    )
    with sides_of(home, day) as sides:
        for table in TABLES:
            figures, told = summarise(sides, table)
            assert {column for column, _ in _limits(table.name)} <= set(figures), table.name
            assert set(told) <= set(figures)


def _limits(table: str) -> dict[tuple[str, str], float]:
    return {
        (e["kwargs"]["column"], e["meta"]["severity"]): e["kwargs"].get(
            "max_value", e["kwargs"].get("min_value")
        )
        for e in read_suite("landing", table).on("summary")
    }


def test_a_campaign_may_pause_and_a_booking_may_not():
    least = {
        table.name: expectation["kwargs"].get("min_value")
        for table in TABLES
        for expectation in read_suite("landing", table.name).on("summary")
        if expectation["kwargs"]["column"] == "volume_deviation"
    }
    assert {table for table, limit in least.items() if limit is None} == {
        "campaigns",
        "campaign_touches",
        "consents",
        "erasure_requests",
    }


def test_every_published_mart_has_a_suite():
    marts = {file.stem for file in (PROJECT_ROOT / "dbt_project" / "models" / "marts").glob("*.sql")}
    assert marts == set(CHECKED), (
        "a mart without a suite would be published unchecked: add expectations/published/<mart>.json, and "
        "the mart to roundtrip/gates/marts.py"
    )


@pytest.mark.parametrize("gate", ["landing", "published"])
def test_every_expectation_of_rows_can_be_counted(gate: str):
    for file in sorted((SUITES_DIR / gate).glob("*.json")):
        for expectation in read_suite(gate, file.stem).on("rows"):
            assert counting(expectation, "t") is not None, f"{file.name}: {expectation['type']}"


def test_every_published_table_has_a_suite_with_a_unique_key():
    for table in CHECKED:
        suite = read_suite("published", table)
        keys = {"key_is_unique", "expect_column_values_to_be_unique"}
        names = {e["meta"].get("name") or e["type"] for e in suite.expectations}
        assert keys & names or table == "warehouse_info", table


def test_every_suite_file_belongs_to_a_table():
    assert {f.stem for f in (SUITES_DIR / "landing").iterdir()} == set(source_contract())
    assert {f.stem for f in (SUITES_DIR / "published").iterdir()} == set(CHECKED)


def test_every_reason_is_there_in_chinese_and_no_other():
    suites = [json.loads(file.read_text(encoding="utf-8")) for file in SUITES_DIR.glob("*/*.json")]
    reasons = {each["meta"]["reason"] for suite in suites for each in suite["expectations"]}
    assert chinese().keys() == reasons
    assert all(re.search("[一-鿿]", words) for words in chinese().values())


@pytest.mark.parametrize("spoil", ["severity", "reason", "on"])
def test_an_expectation_without_its_choices_is_broken(tmp_path: Path, spoil: str):
    suite = landing_suite(source_contract()["market"])
    del suite["expectations"][0]["meta"][spoil]
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "market.json").write_text(json.dumps(suite))
    with pytest.raises(CheckBroken, match="expectation 1"):
        read_suite("landing", "market", tmp_path)


def test_a_missing_or_torn_suite_is_broken(tmp_path: Path):
    with pytest.raises(CheckBroken, match="missing"):
        read_suite("landing", "market", tmp_path)
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "market.json").write_text('{"expectations": [')
    with pytest.raises(CheckBroken, match=re.escape("market.json is not a suite")):
        read_suite("landing", "market", tmp_path)


def _column(expectation: dict) -> str:
    return expectation["kwargs"]["column"]
