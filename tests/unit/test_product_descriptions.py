"""What products say when they are published: every column a stage writes, and no column that none writes."""

import duckdb
import pytest

from ml import drift, score, shadow
from ml.segments import associations, migrations, preferences
from ml.segments import stage as segments
from ml.segments.settings import PROFILES
from ml.texts import stage as texts
from ml.uplift import stage as uplift
from roundtrip.home import PROJECT_ROOT
from roundtrip.measure import stage as measure
from roundtrip.measure.tables import CHECKS, EFFECTS
from roundtrip.products import SQL_TYPES
from roundtrip.publish import scores
from roundtrip.publish.descriptions import describe, descriptions
from roundtrip.publish.snapshots import SNAPSHOTS, TYPES
from roundtrip.publish.versions import content_hash
from roundtrip.rollout.tables import TABLES as ROLLOUT
from roundtrip.rounds import assignments
from roundtrip.warn.sources import HISTORY, WARNINGS

#: Every product with the columns its stage writes.
PRODUCTS = {
    scores.TABLE: score.COLUMNS,
    drift.TABLE: drift.COLUMNS,
    shadow.TABLE: shadow.COLUMNS,
    "warnings": WARNINGS,
    "warning_history": HISTORY,
    uplift.TABLE: uplift.COLUMNS,
    assignments.TABLE: assignments.COLUMNS,
    measure.EFFECTS_TABLE: EFFECTS,
    measure.CHECKS_TABLE: CHECKS,
    PROFILES: segments.COLUMNS,
    migrations.TABLE: migrations.COLUMNS,
    associations.TABLE: associations.COLUMNS,
    preferences.TABLE: preferences.COLUMNS,
    texts.TABLE: texts.COLUMNS,
    **ROLLOUT,
}
#: The modules that write them, and those that write a round's own files, which are not published.
WRITERS = {
    "ml/drift.py",
    "ml/score.py",
    "ml/segments/stage.py",
    "ml/shadow.py",
    "ml/texts/stage.py",
    "ml/uplift/stage.py",
    "roundtrip/measure/stage.py",
    "roundtrip/rollout/follow.py",
    "roundtrip/rounds/assignments.py",
    "roundtrip/warn/stage.py",
}
OTHERS = {"roundtrip/products.py", "roundtrip/rounds/acting.py", "roundtrip/rounds/plan.py"}


@pytest.mark.parametrize("table", PRODUCTS)
def test_every_column_a_stage_writes_is_described_and_no_other(table):
    assert list(descriptions()[table]["columns"]) == list(PRODUCTS[table])


def test_every_product_is_described_and_no_other():
    assert set(descriptions()) == set(PRODUCTS)
    assert SNAPSHOTS | set(TYPES) <= set(PRODUCTS)
    calling = {
        path.relative_to(PROJECT_ROOT).as_posix()
        for room in ("ml", "roundtrip")
        for path in (PROJECT_ROOT / room).rglob("*.py")
        if "write_product(" in path.read_text(encoding="utf-8")
    }
    # A stage that is not among them writes a product that PRODUCTS does not know yet.
    assert calling == WRITERS | OTHERS


def test_descriptions_are_sentences():
    said = [
        (table, column, words)
        for table, told in descriptions().items()
        for column, words in {"": told["description"], **told["columns"]}.items()
    ]
    assert [each for each in said if not each[2].endswith(".") or "\n" in each[2]] == []


def published(table: str, columns: dict[str, str]) -> dict[str, str | None]:
    """The comments of a product with these columns: "" for the table's, else by column."""
    with duckdb.connect() as connection:
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f'CREATE SCHEMA marts; CREATE TABLE marts."{table}" ({typed})')
        describe(connection, table)
        comments = connection.execute(
            "SELECT '', comment FROM duckdb_tables() UNION ALL "
            "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'marts'"
        )
        return dict(comments.fetchall())


def test_each_column_has_its_own_comment():
    found = published(
        "rollout_risks", {name: SQL_TYPES[kind] for name, kind in ROLLOUT["rollout_risks"].items()}
    )
    told = descriptions()["rollout_risks"]
    assert found == {"": told["description"], **told["columns"]}


def test_words_are_no_content_so_a_better_description_makes_no_new_version():
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.warnings AS SELECT 'w1' AS warning_id")
        before = content_hash(connection, ["warnings"])
        describe(connection, "warnings")
        assert content_hash(connection, ["warnings"]) == before


def test_what_nobody_described_is_published_without_a_comment():
    found = published("warnings", {"warning_id": "VARCHAR", "own notes": "VARCHAR"})
    assert found["warning_id"].startswith("The warning: a hash")
    assert found["own notes"] is None
    assert published("own_table", {"a": "INTEGER"}) == {"": None, "a": None}
