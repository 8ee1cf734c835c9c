"""A batch and a raw database from SELECTs, as the landing gate finds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from roundtrip import duck
from roundtrip.contract import source_contract
from roundtrip.gates.personal import create_macros
from roundtrip.gates.sides import Sides
from roundtrip.gates.summaries import summary_database
from roundtrip.home import Home


def write_sides(home: Home, batch: dict[str, str], raw: dict[str, str] | None = None) -> None:
    """raw/batch.duckdb and raw/raw.duckdb: per contract table a SELECT that gives some of its columns."""
    for file in (home.batch_db, home.raw_db):
        file.unlink(missing_ok=True)
    with duck.connect(home.batch_db, home.tmp_dir) as connection:
        connection.execute("CREATE TABLE batch AS SELECT 'batch-1' AS batch_id")
        for name, select in batch.items():
            _create(connection, "main", name, select)
            connection.execute(
                f'CREATE TABLE "{name}__quarantine" (_file VARCHAR, _line BIGINT, row_json VARCHAR, '
                'reasons STRUCT("column" VARCHAR, rule VARCHAR, reason VARCHAR)[])'
            )
    with duck.connect(home.raw_db, home.tmp_dir) as connection:
        connection.execute("CREATE SCHEMA raw.raw")
        for name, select in (raw or {}).items():
            _create(connection, "raw.raw", name, select)


def _create(connection, schema: str, name: str, select: str) -> None:
    columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in source_contract()[name].columns)
    connection.execute(f'CREATE TABLE {schema}."{name}" ({columns}, _file VARCHAR, _line BIGINT)')
    connection.execute(f'INSERT INTO {schema}."{name}" BY NAME {select}')


@contextmanager
def sides_of(home: Home, as_of: date) -> Iterator[Sides]:
    with summary_database(home) as (connection, _):
        create_macros(connection)
        yield Sides.attach(connection, home, as_of)
