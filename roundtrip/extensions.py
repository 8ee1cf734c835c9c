"""DuckDB's extensions, each installed as a wheel: nothing is downloaded when one is needed."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import duckdb

from roundtrip.errors import RoundtripError


@cache
def _file(name: str) -> Path:
    package = find_spec(f"duckdb_extension_{name}")
    for folder in package.submodule_search_locations if package else ():
        for file in Path(folder).rglob(f"v{duckdb.__version__}/{name}.duckdb_extension"):
            return file
    raise RoundtripError(
        f"the package duckdb-extension-{name.replace('_', '-')} {duckdb.__version__} is not installed",
        "run `make setup`, or install what requirements.lock names: it must match DuckDB's version exactly",
    )


def load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load the extension `name` from its wheel into a connection.

    Raises:
        RoundtripError: the wheel is missing, or is for another version of DuckDB.
    """
    connection.execute(f"LOAD '{str(_file(name)).replace(chr(39), chr(39) * 2)}'")
