"""Reading the published warehouse."""

import duckdb

from roundtrip import duck
from roundtrip.errors import BadInput
from roundtrip.home import Home


def published(home: Home) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the published warehouse; close it, best with `with`.

    A publication replaces the file: this connection keeps seeing the old one, and so does a second one of
    the same process while any is open.

    Raises:
        BadInput: nothing is published yet.
    """
    if not home.current_db.exists():
        raise BadInput(
            f"{home.current_db} does not exist: nothing is published yet",
            "run the stages up to publish, for example with `roundtrip run`",
        )
    return duck.connect(home.current_db, home.tmp_dir, read_only=True)
