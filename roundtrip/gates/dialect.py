"""The SQLAlchemy dialect through which Great Expectations reads DuckDB files."""

from typing import Any

import duckdb_sqlalchemy
from sqlalchemy.dialects import registry

#: The URL scheme of this dialect: duckdb+roundtrip:////absolute/path.duckdb
SCHEME = "duckdb+roundtrip"


class ReadOnlyDuckDB(duckdb_sqlalchemy.Dialect):
    """duckdb-sqlalchemy without transactions.

    Great Expectations 1.24 opens and ends transactions around result sets that it has not read yet; DuckDB
    then drops the results and every check breaks with "list index out of range". A gate only reads, so
    there is nothing to begin, commit or roll back.
    """

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        pass

    def do_commit(self, dbapi_connection: Any) -> None:
        pass

    def do_rollback(self, dbapi_connection: Any) -> None:
        pass


def register() -> None:
    """Make `SCHEME` known to SQLAlchemy; calling it again changes nothing."""
    registry.register("duckdb.roundtrip", __name__, ReadOnlyDuckDB.__name__)
