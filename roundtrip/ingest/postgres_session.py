"""A connection to a company's PostgreSQL: one, read-only, in one transaction, from DuckDB's extension.

All that is asked goes through `postgres_query`, which stays on the transaction's own connection. A scan opens
more of them, and where the server hands out no snapshot (a standby) each of these sees another moment.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow

from roundtrip import duck, extensions
from roundtrip.errors import BadInput
from roundtrip.ingest import postgres_catalog, postgres_errors, sql
from roundtrip.ingest.databases import Relation

_CONNECT_SECONDS = 5
_BATCH_ROWS = 20_000
_ASK = "SELECT * FROM postgres_query('company', ?)"
#: For this transaction only, whatever the role's own settings are: the text of a value must not depend on
#: them. A lock is not waited for long, since whoever waits blocks those who come later. Sorting our side of a
#: table may take a while, in which the transaction is idle.
SETTINGS = {
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "application_name": "roundtrip",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "0",
}


class Session:
    """One connection to a database, in one transaction, from the first question to `close`."""

    def __init__(self, relation: Relation):
        """
        Raises:
            BadInput: the variable with the connection string is not set, or the login is refused.
            RoundtripError: the server cannot be reached.
        """
        self.database = relation.database
        self._failure: str | None = None
        self._described: dict[Relation, postgres_catalog.Described] = {}
        given = os.environ.get(relation.connection, "").strip()
        if not given:
            raise BadInput(
                f"{relation.place}: the environment variable {relation.connection} is not set",
                f"set it where roundtrip (or Airflow) runs, to the connection string of {relation.database}, "
                "such as 'host=… dbname=… user=… password=… sslmode=verify-full'",
            )
        connection_string = with_timeout(given)
        # Rows only pass through, so nothing needs to spill here; what cannot be held fails. Of two threads
        # one may report the interruption that a failure in the other causes, not what happened.
        config = duck.settings(Path()) | {"temp_directory": "", "threads": "1"}
        self._connection = duckdb.connect(config=config)
        failure = None
        try:
            self._connection.execute(duck.SESSION)
            extensions.load(self._connection, "postgres_scanner")
            self._connection.execute(
                f"ATTACH {sql.text(connection_string)} AS company "
                "(TYPE postgres, READ_ONLY, ISOLATION_LEVEL 'REPEATABLE READ')"
            )
            self._begin()
        except duckdb.Error as error:
            failure = str(error)
        except BaseException:
            self.close()
            raise
        # Out of the block, so that no error carries the one that quotes the connection string.
        if failure is not None:
            self.close()
            raise postgres_errors.of_connecting(failure, connection_string, relation)

    def _begin(self) -> None:
        self._connection.execute("BEGIN")
        values = ", ".join(
            f"set_config({sql.text(name)}, {sql.text(value)}, true) AS {sql.name(name)}"
            for name, value in SETTINGS.items()
        )
        self._connection.execute(_ASK, [f"SELECT {values}"]).fetchall()

    def rows(self, query: str, relation: Relation) -> list[tuple]:
        """All rows of a query that PostgreSQL carries out.

        Raises:
            RoundtripError: it cannot; the message names the relation and shows no delivered value.
        """
        with self._explained(relation):
            return self._connection.execute(_ASK, [query]).fetchall()

    def columns(self, query: str, relation: Relation) -> list[tuple[str, str]]:
        """Names and DuckDB's types of the columns that a query returns; it is prepared, not carried out."""
        with self._explained(relation):
            described = self._connection.execute(f"DESCRIBE {_ASK}", [query]).fetchall()
            return [row[:2] for row in described]

    def described(self, relation: Relation) -> postgres_catalog.Described:
        """Columns and key of a relation, looked up once.

        Raises:
            BadInput: it, or a column that databases.yml names, is not there or must not be read.
        """
        if relation not in self._described:
            self._described[relation] = postgres_catalog.describe(self, relation)
        return self._described[relation]

    @contextmanager
    def stream(self, query: str, relation: Relation) -> Iterator[pyarrow.RecordBatchReader]:
        """The rows of a query as they come, a few at a time. Nothing else can be asked until it is read."""
        self._failure = None
        with self._explained(relation):
            batches = self._connection.execute(_ASK, [query]).to_arrow_reader(_BATCH_ROWS)
        try:
            yield pyarrow.RecordBatchReader.from_batches(batches.schema, self._noting_failure(batches))
        except Exception:
            if self._failure is None:
                raise
            raise postgres_errors.of_reading(self._failure, relation) from None
        finally:
            batches.close()

    def _noting_failure(self, batches: pyarrow.RecordBatchReader) -> Iterator[pyarrow.RecordBatch]:
        # Whoever reads the batches would report a failure of the server as its own.
        try:
            yield from batches
        except Exception as error:
            self._failure = str(error)
            raise

    @contextmanager
    def _explained(self, relation: Relation) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise postgres_errors.of_reading(str(error), relation) from None

    def close(self) -> None:
        """End the transaction and the connection; what went wrong with it before is known already."""
        # Not left to the destructor: there, a server that is gone would end the process.
        with suppress(duckdb.Error):
            self._connection.execute("ROLLBACK")
        self._connection.close()


def with_timeout(connection_string: str) -> str:
    """The connection string with a short time to connect in, unless it gives one."""
    if "connect_timeout" in connection_string:
        return connection_string
    timeout = f"connect_timeout={_CONNECT_SECONDS}"
    if connection_string.startswith(("postgresql://", "postgres://")):
        return f"{connection_string}{'&' if '?' in connection_string else '?'}{timeout}"
    return f"{connection_string} {timeout}"
