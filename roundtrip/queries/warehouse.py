"""Asking the published warehouse so that no question can change it, reach another file or hold the machine.

`opened` makes a DuckDB instance of its own, in memory, with the published file attached read-only: it sees
the newest publication, and one that is replaced meanwhile is read to its end. Before any question is asked,
the instance loses its access to files and the network, and its settings are locked
(https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview).
"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from roundtrip import duck
from roundtrip.errors import RoundtripError
from roundtrip.home import Home
from roundtrip.ingest import sql as quoted

_MISSING_TABLE = re.compile(r"Table with name (\w+) does not exist")
#: Statements that only look; SHOW, DESCRIBE and SUMMARIZE are SELECTs to DuckDB.
_LOOKING = ("SELECT", "EXPLAIN")


@dataclass(frozen=True)
class Limits:
    """What one question may use: rows of its answer, seconds, and memory (nothing spills to disk)."""

    rows: int = 10_000
    seconds: float = 20.0
    memory: str = "512MB"
    threads: int = 2


@dataclass(frozen=True)
class Answer:
    """Rows of an answer.

    Attributes:
        columns: name -> DuckDB's type.
        rows: values in the columns' order.
        is_cut: there are more rows than the limit.
    """

    columns: dict[str, str]
    rows: list[tuple]
    is_cut: bool


class Refused(RoundtripError):
    """A question was not answered.

    Attributes:
        why: no_publication, no_table (`what` names it), not_one_question, too_slow, too_big, or failed
            (`what` is DuckDB's message).
    """

    def __init__(self, why: str, what: str, hint: str | None = None):
        if why == "no_table":
            message, hint = (
                f"marts.{what} is not published",
                hint or "run the stage that makes it, or mend the name",
            )
        else:
            message = what
        super().__init__(message, hint)
        self.why = why
        self.what = what

    def __reduce__(self):
        return type(self), (self.why, self.what, self.hint)


class Warehouse:
    """The published warehouse, open for questions; use `opened`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, limits: Limits):
        self._connection = connection
        self.limits = limits

    def ask(self, sql: str, parameters: Mapping[str, Any] | None = None, rows: int | None = None) -> Answer:
        """The answer to one SELECT (or SHOW, DESCRIBE, SUMMARIZE, EXPLAIN).

        Args:
            sql: one statement; tables as `marts.name`.
            parameters: values of `$name` in it.
            rows: at most so many, where that is fewer than the limit.

        Raises:
            Refused: it is no such statement, names a table that is not there, breaks a limit, or fails.
        """
        _require_one_question(sql)
        most = min(rows or self.limits.rows, self.limits.rows)
        timer = threading.Timer(self.limits.seconds, self._connection.interrupt)
        timer.start()
        try:
            result = self._connection.execute(sql, dict(parameters) if parameters else None)
            columns = {column[0]: str(column[1]) for column in result.description}
            found = result.fetchmany(most + 1)
        except duckdb.Error as error:
            raise _refusal(error, self.limits) from error
        finally:
            timer.cancel()
        return Answer(columns, found[:most], len(found) > most)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The same as rows of column -> value."""
        answer = self.ask(sql, parameters)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


@contextmanager
def opened(home: Home, limits: Limits | None = None) -> Iterator[Warehouse]:
    """The newest publication, for as long as the block runs.

    Raises:
        Refused: nothing is published.
    """
    limits = limits or Limits()
    if not home.current_db.exists():
        raise Refused("no_publication", "nothing is published yet", "run `roundtrip run` first")
    with _instance(home, limits) as connection:
        yield Warehouse(connection, limits)


def _instance(home: Home, limits: Limits) -> duckdb.DuckDBPyConnection:
    config = {
        "memory_limit": limits.memory,
        "threads": limits.threads,
        # Nothing of a question is written anywhere.
        "temp_directory": "",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute(f"ATTACH {quoted.text(str(home.current_db))} AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse.marts")
        connection.execute(duck.SESSION)
        # Also keeps names in SQL from being variables of this process.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        connection.close()
        raise Refused("failed", str(error)) from error
    return connection


def _require_one_question(sql: str) -> None:
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise Refused("failed", str(error)) from error
    if len(statements) != 1 or statements[0].type.name not in _LOOKING:
        raise Refused("not_one_question", "it is not one SELECT", "ask with one SELECT, SHOW or DESCRIBE")


def _refusal(error: duckdb.Error, limits: Limits) -> Refused:
    text = str(error)
    if isinstance(error, duckdb.InterruptException):
        return Refused("too_slow", f"it took longer than {limits.seconds:g} s", "ask for less")
    if isinstance(error, duckdb.OutOfMemoryException):
        return Refused("too_big", f"it needs more memory than {limits.memory}", "ask for less")
    if missing := _MISSING_TABLE.search(text):
        return Refused("no_table", missing[1])
    return Refused("failed", text)
