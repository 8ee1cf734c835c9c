"""How a delivered text becomes a typed value: every conversion with what it takes and what it refuses."""

import random

import duckdb
import pyarrow
import pytest

from roundtrip.contract import source_contract
from roundtrip.ingest import rules


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        rules.create_macros(opened)
        yield opened


@pytest.mark.parametrize(
    ("macro", "text", "value"),
    [
        ("as_timestamp", "2024-05-01", "2024-05-01 00:00:00"),
        ("as_timestamp", "2024-05-01T10:30", "2024-05-01 10:30:00"),
        ("as_timestamp", "2024-05-01 10:30:15.25", "2024-05-01 10:30:15.25"),
        ("as_timestamp", "2024-05-01T10:30:15Z", "2024-05-01 10:30:15"),
        ("as_timestamp", "2024-05-01T10:30Z", "2024-05-01 10:30:00"),
        ("as_timestamp", "2024-05-01T10:30:15+08:00", "2024-05-01 02:30:15"),
        ("as_timestamp", "2024-05-01 10:30:15+0800", "2024-05-01 02:30:15"),
        ("as_timestamp", "2024-05-01 10:30:15+00", "2024-05-01 10:30:15"),
        ("as_timestamp", "2024-05-01T10:30:15-03:30", "2024-05-01 14:00:15"),
        ("as_timestamp", "2024-13-40", None),
        ("as_timestamp", "infinity", None),
        ("as_timestamp", "epoch", None),
        ("as_timestamp", "20240501", None),
        ("as_timestamp", "2024-05-01T10:30:15+99:00", None),
        ("as_date", "2024-02-29", "2024-02-29"),
        ("as_date", "2024-02-29 00:00:00", "2024-02-29"),
        ("as_date", "2023-02-29", None),
        ("as_date", "2024-02-29 10:00:00", None),
        ("as_month", "2024-05", "2024-05-01"),
        ("as_month", "2024-05-01", "2024-05-01"),
        ("as_month", "2024-05-02", None),
        ("as_month", "2024-13", None),
        ("as_integer", "12", "12"),
        ("as_integer", "12.0", "12"),
        ("as_integer", "12.5", None),
        ("as_integer", "1_000", None),
        ("as_integer", "99999999999", None),
        ("as_decimal", "12.345", "12.35"),
        ("as_decimal", "12,5", None),
        ("as_decimal", "NaN", None),
        ("as_decimal", "1e30", None),
        ("as_double", "1.5e3", "1500.0"),
        ("as_double", "nan", None),
        ("as_double", "-inf", None),
        ("as_double", "1e999", None),
        ("as_boolean", "Yes", "true"),
        ("as_boolean", "0", "false"),
        ("as_boolean", "2", None),
        ("as_text", " \t x y\r\n", "x y"),
        ("as_text", "  ", None),
    ],
)
def test_conversions(connection, macro, text, value):
    assert connection.execute(f"SELECT {macro}(?::VARCHAR)::VARCHAR", [text]).fetchone()[0] == value


def test_contacts_are_not_shown(connection):
    shown = connection.execute("SELECT shown('Ann ann@example.com, +49 171 2345678, 2024-13-40')").fetchone()[
        0
    ]
    assert shown == "'Ann <address>, <number>, 2024-13-40'"


def test_every_contract_rule_is_checked():
    for table in source_contract().values():
        found = {(check.column, check.rule) for check in rules.checks(table)}
        for column in table.columns:
            for rule in ("values", "min", "max", "pattern", "required"):
                is_given = getattr(column, rule) not in (None, ()) and getattr(column, rule) is not False
                assert ((column.name, rule) in found) == is_given, (table.name, column.name, rule)
        assert {(rule.column, rule.name) for rule in table.rules} <= found


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("registered_at", "0001-01-01", "year"),
        ("registered_at", "9999-12-31", "year"),
        ("customer_id", "c\x001", "control_characters"),
        ("customer_id", "c\x1b1", "control_characters"),
        ("gender", "F", "values"),
        ("country", "Germany", "pattern"),
        ("birth_year", "1492", "min"),
    ],
)
def test_refused_by(connection, column, value, rule):
    table = source_contract()["customers"]
    row = {"customer_id": "c1", "registered_at": "2024-01-01", column: value}
    cells = ", ".join(f"$c{i}::VARCHAR AS {name}" for i, name in enumerate(table.column_names))
    typed, refused, reasons = rules.split(table)
    found = connection.execute(
        f"WITH delivered AS (SELECT {cells}, 'f' AS _file, 2 AS _line, 0 AS _order), typed AS ({typed}) "
        f"SELECT {refused}, {reasons} FROM typed",
        {f"c{i}": row.get(name) for i, name in enumerate(table.column_names)},
    ).fetchone()
    assert found[0] is True
    assert [reason["rule"] for reason in found[1]] == [rule]


def spoiled(text: str, dice: random.Random) -> str:
    """A few characters changed, put in or taken out."""
    characters = list(text)
    for _ in range(dice.choice([0, 1, 1, 2, 3])):
        place = dice.randrange(len(characters) + 1)
        characters[place : place + dice.randint(0, 1)] = dice.choice(
            "0123456789-+:TZ. eE_,x\t/٣"
        ) * dice.randint(0, 1)
    return "".join(characters)


def test_the_quick_way_comes_to_the_same_as_the_pattern(connection):
    """What is written as DuckDB writes it back is taken without a look at its pattern."""
    dice = random.Random(3)
    texts = [
        *(
            "2024-02-01T10:00:00Z",
            "2024-02-30T10:00:00Z",
            "2024-12-31T24:00:00Z",
            "2024-02-01",
            "10000-01-01",
        ),
        *("12.50", "-3", "007", "1e5", "+12", "0.005", "9999999999999999.99", "2147483648", "-0", "infinity"),
        *("  x ", "\t", "", "x\n", "\u00a0x", "\x01", "0x1F"),
    ]
    values = sorted({spoiled(text, dice) for text in texts for _ in range(1_000)})
    connection.register("spoiled", pyarrow.table({"t": values}))
    for word in ("timestamp", "date", "integer", "decimal"):
        differing = f"SELECT t FROM spoiled WHERE as_{word}(t) IS DISTINCT FROM any_{word}(t)"
        assert connection.execute(differing).fetchall() == []
        taken = f"SELECT count(any_{word}(t)), count(*) FROM spoiled"
        assert 0 < connection.execute(taken).fetchone()[0] < len(values)
    assert (
        connection.execute("SELECT t FROM spoiled WHERE as_text(t) IS DISTINCT FROM trimmed(t)").fetchall()
        == []
    )
