"""Counting the rows that break an expectation, in SQL of ours, one statement for each.

Great Expectations asks a table several times for every expectation and fetches the unexpected values. A
gate needs their number only: it is counted here, and Great Expectations judges the numbers, one row of them
for each table (docs/decisions/gates-on-duckdb.md). So no value of a delivered row ever reaches its results
or its pages.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from roundtrip import duck
from roundtrip.ingest import sql

#: How many unexpected values a result shows.
EXAMPLES_SHOWN = 5
_INSTEAD = "write an unexpected_rows_expectation, a query of the rows that should not be there"
#: Words of a list that a person made: codes, not names, numbers or addresses.
_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*|[A-Z]{1,5}")
_LONGEST_CODE = 40
_DIGITS_OF_A_NUMBER = re.compile(r"\d{6}")

_BETWEEN = "expect_column_values_to_be_between"
_IN_SET = "expect_column_values_to_be_in_set"
_NOT_NULL = "expect_column_values_to_not_be_null"
_UNIQUE = "expect_column_values_to_be_unique"
_UNIQUE_TOGETHER = "expect_compound_columns_to_be_unique"
_NO_ROWS = "unexpected_rows_expectation"
#: What each kind's figure is called, after its column.
_FIGURES = {
    _BETWEEN: "outside_range",
    _IN_SET: "outside_list",
    _NOT_NULL: "missing",
    _UNIQUE: "repeated",
    _UNIQUE_TOGETHER: "repeated",
}
#: The kinds of expectations that rows can be counted for, and their options. Everything else can be written
#: as a query of the rows that should not be there.
_UNDERSTOOD = {
    _BETWEEN: {"column", "min_value", "max_value"},
    _IN_SET: {"column", "value_set"},
    _NOT_NULL: {"column"},
    _UNIQUE: {"column"},
    _UNIQUE_TOGETHER: {"column_list"},
    _NO_ROWS: {"unexpected_rows_query"},
}


@dataclass(frozen=True)
class Counted:
    """An expectation of rows and the number of rows that break it, as a figure to be judged.

    `error` says why the rows could not be counted (then `count` is None); `examples` are unexpected words.
    """

    written: dict
    figure: str
    count: int | None
    error: str | None = None
    examples: tuple[str, ...] = ()


def count(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    expectations: Sequence[dict],
    shown: Iterable[str] = (),
) -> list[Counted]:
    """Count the unexpected rows of every expectation.

    Args:
        relation: what the rows are read from, as SQL.
        expectations: as in a suite, `on: rows`.
        shown: columns whose unexpected words may be shown; of none of the others a value ever is.
    """
    found, shown, names = [], set(shown), {}
    for written in expectations:
        figure = _figure(written)
        names[figure] = names.get(figure, 0) + 1
        if names[figure] > 1:
            figure = f"{figure}_{names[figure]}"
        statement = counting(written, relation)
        if statement is None:
            found.append(
                Counted(
                    written, figure, None, f"{written['type']} with these options is not known: {_INSTEAD}"
                )
            )
            continue
        try:
            (rows,) = connection.execute(statement).fetchone()
            examples = _examples(connection, written, relation) if rows and _may_show(written, shown) else ()
        except (duckdb.IOException, duckdb.OutOfMemoryException):
            # A full disk or a damaged file is not this check's fault, and is told in words of its own.
            raise
        except duckdb.Error as error:
            found.append(Counted(written, figure, None, duck.without_values(error)))
            continue
        found.append(Counted(written, figure, int(rows), None, examples))
    return found


def counting(written: dict, relation: str) -> str | None:
    """SQL for the number of rows that break an expectation; None where its kind or an option is not known.

    As in Great Expectations a missing value breaks nothing but `not_be_null`.
    """
    kind, options = written["type"], written["kwargs"]
    if kind not in _UNDERSTOOD or set(options) - _UNDERSTOOD[kind]:
        return None
    if kind == _NO_ROWS:
        return f"SELECT count(*) FROM ({options['unexpected_rows_query'].format(batch=relation)})"
    if kind in (_UNIQUE, _UNIQUE_TOGETHER):
        return _repeated(options.get("column_list") or [options["column"]], relation)
    column = sql.name(options["column"])
    if kind == _NOT_NULL:
        return f"SELECT count(*) - count({column}) FROM {relation}"
    if kind == _IN_SET:
        # Words repeat: grouping reads each of them once, where a comparison would read each row.
        # (As a FILTER: a WHERE would be moved down to the rows.)
        return f"SELECT coalesce(sum(rows) FILTER ({_outside(options)}), 0) FROM ({_words(column, relation)})"
    limits = [
        f"{column} {sign} {_literal(options[limit])}"
        for limit, sign in (("min_value", "<"), ("max_value", ">"))
        if options.get(limit) is not None
    ]
    return f"SELECT count(*) FROM {relation} WHERE {' OR '.join(limits) or 'false'}"


def _repeated(columns: list[str], relation: str) -> str:
    """Every row of a key that comes more than once; a key of which a part is missing is none."""
    key = [sql.name(column) for column in columns]
    given = " AND ".join(f"{column} IS NOT NULL" for column in key)
    return (
        f"SELECT coalesce(sum(rows), 0) FROM (SELECT count(*) AS rows FROM {relation} WHERE {given} "
        f"GROUP BY {', '.join(key)} HAVING count(*) > 1)"
    )


def figure_expectation(counted: Counted) -> dict:
    """What Great Expectations judges: no row may break it."""
    return {"type": _BETWEEN, "kwargs": {"column": counted.figure, "min_value": 0, "max_value": 0}}


def _figure(written: dict) -> str:
    meta, options = written["meta"], written["kwargs"]
    if name := meta.get("name"):
        return f"{name}_broken"
    columns = options.get("column_list") or [options.get("column", "row")]
    return f"{'_'.join(columns)}_{_FIGURES.get(written['type'], 'unexpected')}"


def _words(column: str, relation: str) -> str:
    return f"SELECT {column} AS word, count(*) AS rows FROM {relation} GROUP BY {column}"


def _outside(options: dict) -> str:
    known = ", ".join(_literal(value) for value in options["value_set"])
    return f"word NOT IN ({known})" if known else "word IS NOT NULL"


def _may_show(written: dict, shown: set[str]) -> bool:
    return written["type"] == _IN_SET and written["kwargs"]["column"] in shown


def _examples(connection: duckdb.DuckDBPyConnection, written: dict, relation: str) -> tuple[str, ...]:
    """The most frequent unexpected words; what is no code is not told, since shifted columns hold names."""
    options = written["kwargs"]
    words = connection.execute(
        f"SELECT CAST(word AS VARCHAR) FROM ({_words(sql.name(options['column']), relation)}) "
        f"WHERE {_outside(options)} ORDER BY rows DESC, 1 LIMIT {EXAMPLES_SHOWN}"
    ).fetchall()
    return tuple(dict.fromkeys(word if is_code(word) else "<not a code>" for (word,) in words))


def is_code(word: str) -> bool:
    """Whether a word is of the kind that lists are made of, and so tells nothing about a person."""
    fits = len(word) <= _LONGEST_CODE and _CODE.fullmatch(word)
    return bool(fits) and not _DIGITS_OF_A_NUMBER.search(word)


def _literal(value: Any) -> str:
    return sql.text(value) if isinstance(value, str) else str(value)
