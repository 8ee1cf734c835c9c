"""Rows are counted as Great Expectations would count them, and no value of a person is ever shown."""

import duckdb
import pytest

from roundtrip.duck import without_values
from roundtrip.gates import rows

BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
NOT_NULL = "expect_column_values_to_not_be_null"
NO_ROWS = "unexpected_rows_expectation"


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute(
            "CREATE TABLE t AS SELECT * FROM (VALUES ('a', 1, 'ok'), ('b', NULL, 'lost_in_space'), "
            "(NULL, -3, NULL), ('a', 99, 'Anna Schmidt'), ('c', 5, 'ok'), ('c', 6, 'anna@example.org')) "
            "AS v(id, size, state)"
        )
        yield opened


def expectation(kind: str, name: str | None = None, **options) -> dict:
    meta = {"severity": "fail", "on": "rows", "reason": "because"} | ({"name": name} if name else {})
    return {"type": kind, "kwargs": options, "meta": meta}


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (expectation(NOT_NULL, column="id"), 1),
        (expectation(NOT_NULL, column="size"), 1),
        (expectation(IN_SET, column="state", value_set=["ok"]), 3),
        (expectation(IN_SET, column="size", value_set=[1, 5, 6]), 2),
        (expectation(IN_SET, column="state", value_set=[]), 5),
        (expectation(BETWEEN, column="size", min_value=0), 1),
        (expectation(BETWEEN, column="size", min_value=0, max_value=5), 3),
        (expectation(BETWEEN, column="size", max_value=None, min_value=-3), 0),
        (expectation(NO_ROWS, unexpected_rows_query="SELECT id FROM {batch} WHERE NOT (size > 0)"), 1),
        (expectation("expect_column_values_to_be_unique", column="size"), 0),
        (expectation("expect_column_values_to_be_unique", column="id"), 4),
        (expectation("expect_compound_columns_to_be_unique", column_list=["id", "state"]), 0),
        (expectation("expect_compound_columns_to_be_unique", column_list=["id"]), 4),
        (
            expectation(
                NO_ROWS, unexpected_rows_query="SELECT id FROM {batch} GROUP BY id HAVING count(*) > 1"
            ),
            2,
        ),
    ],
)
def test_the_rows_that_break_an_expectation_are_counted(connection, written, count):
    (found,) = rows.count(connection, "t", [written])
    assert (found.count, found.error) == (count, None)


def test_what_cannot_be_counted_is_broken_and_its_neighbours_are_not(connection):
    found = rows.count(
        connection,
        "t",
        [
            expectation(BETWEEN, column="sise", min_value=0),
            expectation(BETWEEN, column="size", min_value=0),
            expectation(BETWEEN, column="size", min_value=0, strict_min=True),
            expectation("expect_column_values_to_be_increasing", column="size"),
            expectation(NO_ROWS, unexpected_rows_query="SELECT state::INTEGER FROM {batch} ORDER BY 1"),
            expectation(NO_ROWS, unexpected_rows_query="SELECT id FROM {batch} WHERE state::INTEGER = 1"),
        ],
    )
    assert [each.count for each in found[:4]] == [None, 1, None, None]
    assert "sise" in found[0].error
    assert "is not known" in found[2].error
    assert "is not known" in found[3].error
    assert found[5].count is None
    assert "Conversion Error" in found[5].error
    assert "Anna" not in str(found)


def test_figures_of_one_table_have_names_of_their_own(connection):
    twice = [expectation(BETWEEN, column="size", min_value=least) for least in (0, 5)]
    named = expectation(NO_ROWS, "some_rule", unexpected_rows_query="SELECT id FROM {batch}")
    found = rows.count(connection, "t", [*twice, named, expectation(NOT_NULL, column="size")])
    assert [each.figure for each in found] == [
        "size_outside_range",
        "size_outside_range_2",
        "some_rule_broken",
        "size_missing",
    ]


def test_words_of_a_list_are_shown_and_what_may_be_a_person_is_not(connection):
    written = expectation(IN_SET, column="state", value_set=["ok"])
    (shown,) = rows.count(connection, "t", [written], shown=["state"])
    assert set(shown.examples) == {"lost_in_space", "<not a code>"}
    (hidden,) = rows.count(connection, "t", [written], shown=["id"])
    assert hidden.examples == ()


@pytest.mark.parametrize("word", ["confirmed", "no_show", "EUR", "CNY", "tier_2"])
def test_codes(word):
    assert rows.is_code(word)


@pytest.mark.parametrize(
    "word", ["Anna", "anna schmidt", "13812345678", "a@b.de", "李雷", "c13812345678", "x" * 41, "4111-1111"]
)
def test_no_codes(word):
    assert not rows.is_code(word)


def test_an_error_keeps_names_and_loses_values(connection):
    with pytest.raises(duckdb.ConversionException) as caught:
        connection.execute("SELECT state::INTEGER FROM t WHERE id = 'a' AND size = 99").fetchall()
    assert "Anna" in str(caught.value)
    assert "Anna" not in without_values(caught.value)
    assert "Conversion Error" in without_values(caught.value)
    assert '"sise"' in without_values('Binder Error: Referenced column "sise" not found\nLINE 1: …')
    assert without_values('IO Error: Could not read enough bytes from file "/x/raw.duckdb"').endswith(
        '"/x/raw.duckdb"'
    )
    assert without_values("list index out of range") == "list index out of range"
    assert "Brien" not in without_values("Conversion Error: Could not convert string 'O'Brien' to INT32")
    assert "Anna" not in without_values("Conversion Error: Could not convert string 'Binder Error Anna' to …")


def test_a_full_disk_is_no_broken_check():
    class Full:
        def execute(self, statement):
            raise duckdb.IOException("IO Error: Could not write file: No space left on device")

    with pytest.raises(duckdb.IOException, match="No space left"):
        rows.count(Full(), "t", [expectation(NOT_NULL, column="id")])
