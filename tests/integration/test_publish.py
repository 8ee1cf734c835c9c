"""Publishing: only what was checked, whole versions only, readers never disturbed."""

import gzip
import json
from datetime import date

import duckdb
import pytest

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.errors import BadInput, GateFailed
from roundtrip.gates.results import Outcome, conclude
from roundtrip.home import Home
from roundtrip.publish import kept, publish, publish_actions, publish_scores, published
from tests.handmade import AS_OF, pass_gate, write_scores, write_work

NEXT_DAY = date(2025, 7, 1)


def checked_publish(home: Home, as_of: date = AS_OF, **work) -> dict:
    write_work(home, as_of=as_of, **work)
    pass_gate(home, as_of)
    return publish(home, as_of)


def versions(home: Home) -> list[str]:
    return sorted(file.name for file in (home.published_dir / "versions").iterdir())


def test_published_file_holds_the_marts_with_comments_and_lineage(home: Home):
    with duck.connect(home.raw_db, home.tmp_dir) as raw:
        raw.execute(
            "CREATE SCHEMA raw.raw; CREATE TABLE raw.raw.files AS SELECT 'h1' AS content_hash, "
            "'bookings' AS table_name, 'b.csv' AS file, 'batch-1' AS batch_id, 12 AS rows_in"
        )
    summary = checked_publish(home)

    with published(home) as warehouse:
        assert warehouse.execute("SELECT count(*) FROM marts.dim_customers").fetchone() == (10,)
        comments = warehouse.execute(
            "SELECT comment FROM duckdb_tables() WHERE table_name = 'dim_customers' UNION ALL "
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'dim_customers' AND comment IS NOT NULL"
        ).fetchall()
        assert comments == [("one row per customer's id",), ("bookings that count",)]
    name = summary["version"]
    assert name.startswith("2025-06-30-")
    assert versions(home) == [f"{name}.duckdb", f"{name}.json"]
    lineage = json.loads((home.published_dir / "versions" / f"{name}.json").read_text())
    assert lineage["inputs"] == [{"table": "bookings", "file": "b.csv", "content_hash": "h1", "rows_in": 12}]
    assert lineage["rows"]["dim_customers"] == 10
    assert lineage["as_of"] == "2025-06-30"
    assert lineage["roundtrip_version"]
    assert (home.published_dir / "versions" / f"{name}.duckdb").samefile(home.current_db)
    assert list(home.published_dir.glob(".next*")) == []


def test_nothing_unchecked_is_published(home: Home):
    with pytest.raises(BadInput, match="build_warehouse"):
        publish(home, AS_OF)
    write_work(home)
    with pytest.raises(BadInput, match="marts_gate"):
        publish(home, AS_OF)
    pass_gate(home)
    publish(home, AS_OF)
    before = home.current_db.read_bytes()

    write_work(home, then="UPDATE marts.dim_customers SET bookings = 4")
    with pytest.raises(GateFailed, match="changed after the marts gate"):
        publish(home, AS_OF)

    refused = Outcome("dim_customers", "x", None, "fail", "why", False, None, 1)
    with pytest.raises(GateFailed):
        conclude(home, "published", AS_OF, [refused], {"fingerprint": "any"}, "")
    with pytest.raises(GateFailed, match="refused"):
        publish(home, AS_OF)
    assert home.current_db.read_bytes() == before


def test_a_warehouse_for_another_date_is_not_published(home: Home):
    write_work(home, as_of=NEXT_DAY)
    pass_gate(home, AS_OF)
    with pytest.raises(BadInput, match="2025-07-01"):
        publish(home, AS_OF)


def test_same_inputs_give_the_same_content_and_the_same_version(home: Home):
    first = checked_publish(home)
    second = checked_publish(home)
    changed = checked_publish(home, then="UPDATE marts.kpi_months SET value = 0.2")
    assert first == second
    assert changed["content_hash"] != first["content_hash"]
    assert len(versions(home)) == 4


def test_the_last_versions_are_kept_as_many_as_the_company_says(home: Home):
    made = [checked_publish(home, customers=customers)["version"] for customers in range(5, 14)]
    assert [version.name for version in kept(home)] == made[:-8:-1], "seven, where nothing else is said"

    Company("company", "landing", settings={"versions_kept": 3}).save(home)
    made.append(checked_publish(home, customers=14)["version"])
    assert versions(home) == sorted(f"{name}.{kind}" for name in made[-3:] for kind in ("duckdb", "json"))

    Company("company", "landing", settings={"versions_kept": 1}).save(home)
    with pytest.raises(BadInput, match="versions_kept is 1"):
        checked_publish(home)


def test_the_dbt_manifest_is_kept_as_long_as_a_version_needs_it(home: Home):
    manifest = home.logs_dir / "dbt" / "target" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    Company("company", "landing", settings={"versions_kept": 2}).save(home)
    for number in range(4):
        sql = {"nodes": {"model.m": {"checksum": {"checksum": str(number // 2)}}}, "macros": {}}
        manifest.write_text(json.dumps({"metadata": {"generated_at": str(number)}, **sql}))
        checked_publish(home, customers=number + 1)
        write_scores(home, customers=number + 1)
        publish_scores(home, AS_OF)
    [newest, _] = kept(home)
    [file] = home.manifests_dir.iterdir()
    assert file.name == f"{newest.lineage['dbt_models_hash']}.json.gz"
    assert json.loads(gzip.decompress(file.read_bytes()))["nodes"] == sql["nodes"]


def test_scores_are_added_to_the_published_marts_not_to_the_work_file(home: Home):
    checked_publish(home)
    write_work(home, customers=3)
    write_scores(home, as_of=date(2025, 5, 31))
    write_scores(home)

    summary = publish_scores(home, AS_OF)

    assert summary["rows"]["dim_customers"] == 10
    with published(home) as warehouse:
        scores = "SELECT as_of_date, count(*) FROM marts.customer_scores GROUP BY ALL ORDER BY ALL"
        assert warehouse.execute(scores).fetchall() == [(date(2025, 5, 31), 10), (AS_OF, 10)]
        types = dict(
            warehouse.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'customer_scores'"
            ).fetchall()
        )
        assert types["lifetime_value"] == "DOUBLE"
        assert types["reason_2"] == "VARCHAR"
        comment = "SELECT comment FROM duckdb_tables() WHERE table_name = 'dim_customers'"
        assert warehouse.execute(comment).fetchone()[0].startswith("one row")
    lineage = json.loads((home.published_dir / "versions" / f"{summary['version']}.json").read_text())
    assert lineage["stage"] == "publish_scores"
    assert lineage["work_fingerprint"]
    assert publish_scores(home, AS_OF)["content_hash"] == summary["content_hash"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("ALTER TABLE scores DROP COLUMN risk_band", "columns are missing: risk_band"),
        ("INSERT INTO scores SELECT * FROM scores WHERE customer_id = 'c1'", "more than one row"),
        ("UPDATE scores SET churn_probability = 1.5 WHERE customer_id = 'c1'", "outside 0..1"),
        ("UPDATE scores SET customer_id = 'c99' WHERE customer_id = 'c1'", "1 customers are not in dim"),
        ("DELETE FROM scores WHERE customer_id = 'c1'", "1 customers of dim_customers have no row"),
        ("UPDATE scores SET risk_band = 'extreme' WHERE customer_id = 'c1'", "risk_band other than"),
        ("UPDATE scores SET as_of_date = DATE '2025-06-29' WHERE customer_id = 'c1'", "another date"),
        (
            "ALTER TABLE scores ALTER churn_probability TYPE VARCHAR; "
            "UPDATE scores SET churn_probability = 'high'",
            "churn_probability is not DOUBLE",
        ),
    ],
)
def test_bad_scores_are_refused_and_the_publication_stays(home: Home, spoil: str, told: str):
    checked_publish(home)
    before = home.current_db.read_bytes()
    write_scores(home, then=spoil)

    with pytest.raises(GateFailed, match=told):
        publish_scores(home, AS_OF)
    assert home.current_db.read_bytes() == before


def test_scores_need_a_publication_of_their_date(home: Home):
    with pytest.raises(BadInput, match="nothing is published"):
        publish_scores(home, AS_OF)
    checked_publish(home)
    with pytest.raises(BadInput, match="no customer_scores"):
        publish_scores(home, AS_OF)
    write_scores(home, as_of=NEXT_DAY)
    with pytest.raises(BadInput, match="the marts are as of 2025-06-30"):
        publish_scores(home, NEXT_DAY)


def test_marts_are_published_with_good_products_only_and_without_erased_customers(home: Home):
    write_scores(home)
    write_scores(home, as_of=NEXT_DAY, then="UPDATE scores SET churn_probability = 2")
    checked_publish(home)
    with published(home) as warehouse:
        assert warehouse.execute("SELECT count(*) FROM marts.customer_scores").fetchone() == (10,)

    summary = checked_publish(home, as_of=NEXT_DAY, customers=9)

    assert list(summary["products_left_out"]) == ["customer_scores/2025-07-01.parquet"]
    with published(home) as warehouse:
        customers = "SELECT count(*), count(*) FILTER (customer_id = 'c10') FROM marts.customer_scores"
        assert warehouse.execute(customers).fetchone() == (9, 0)


def test_a_product_never_replaces_a_mart(home: Home):
    write_scores(home).parent.rename(home.products_dir / "kpi_months")
    with pytest.raises(BadInput, match="kpi_months"):
        checked_publish(home)


def test_readers_absent_publication_says_what_to_do(home: Home):
    with pytest.raises(BadInput, match="nothing is published yet"):
        published(home)


def test_a_long_reader_keeps_its_version_and_does_not_block(home: Home):
    checked_publish(home, customers=5)
    with published(home) as reader:
        checked_publish(home, customers=6)
        write_scores(home, customers=6)
        publish_scores(home, AS_OF)
        assert reader.execute("SELECT count(*) FROM marts.dim_customers").fetchone() == (5,)
    with published(home) as reader:
        assert reader.execute("SELECT count(*) FROM marts.dim_customers").fetchone() == (6,)


def test_of_a_product_that_changes_its_past_only_the_newest_file_is_published(home: Home):
    """A warning of yesterday may be closed today: both files would hold it twice."""
    checked_publish(home)
    write_scores(home)
    folder = home.products_dir / "warnings"
    folder.mkdir(parents=True)
    for day, status in (("2025-06-29", "open"), ("2025-06-30", "expired"), ("2025-07-01", "not yet")):
        duckdb.execute(
            f"COPY (SELECT 'w1' AS warning_id, 'c1' AS customer_id, '{status}' AS status, NULL AS action) "
            f"TO '{folder / day}.parquet'"
        )

    summary = publish_actions(home, AS_OF)

    with published(home) as warehouse:
        assert warehouse.execute("SELECT warning_id, status FROM marts.warnings").fetchall() == [
            ("w1", "expired")
        ]
        # No value in any row, and yet of the type that others build upon.
        kinds = dict(
            warehouse.execute("SELECT column_name, column_type FROM (DESCRIBE marts.warnings)").fetchall()
        )
        assert kinds["action"] == "VARCHAR"
    assert summary["rows"]["warnings"] == 1


def test_products_are_published_with_comments_on_what_is_described(home: Home):
    write_scores(home, then="ALTER TABLE scores ADD COLUMN own_note VARCHAR")
    checked_publish(home)
    publish_scores(home, AS_OF)

    with published(home) as warehouse:
        (table,) = warehouse.execute(
            "SELECT comment FROM duckdb_tables() WHERE table_name = 'customer_scores'"
        ).fetchone()
        columns = dict(
            warehouse.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'customer_scores'"
            ).fetchall()
        )
    assert table.startswith("One row per customer and scored date")
    assert columns["risk_band"].startswith("high, medium or low")
    assert [name for name, comment in columns.items() if comment is None] == ["own_note"]


def test_actions_are_published_after_the_warnings_of_their_date(home: Home):
    checked_publish(home)
    with pytest.raises(BadInput, match="run the stage warn first"):
        publish_actions(home, AS_OF)
