"""One file into temporary tables of DuckDB: its rows as text with their line, and its broken lines.

Temporary tables live in memory and spill encrypted; nothing here reaches a file that stays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from roundtrip.errors import BadInput
from roundtrip.ingest import csv_shape, delimited, encoding, jsonl, sql
from roundtrip.ingest.landing import LandingFile
from roundtrip.ingest.postgres import DatabaseTable

#: Added to every staged row; a delivered column of the same name is left out.
OWN_COLUMNS = ("_file", "_line")

#: These must not read as faults of the file.
_FAULTS_OF_OURS = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.InternalException,
    duckdb.ParserException,
)

#: Which SQL to select, given the delivered column names and the SQL of each: output name -> expression.
Projection = Callable[[dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Staged:
    """`rows` and `broken` are names of temporary tables or views.

    rows: the projection's columns, `_file` VARCHAR, `_line` BIGINT.
    broken: `_file` VARCHAR, `_line` BIGINT, `content` VARCHAR, `rule` VARCHAR, `reason` VARCHAR; one row per
    physical line.
    note: what the reading of this file assumed, for whoever delivered it.
    """

    rows: str
    broken: str
    columns: tuple[str, ...]
    note: str | None = None


def stage_file(
    connection: duckdb.DuckDBPyConnection, file: LandingFile | DatabaseTable, name: str, select: Projection
) -> Staged:
    """Stage one file or database table under `name`.

    Raises:
        BadInput: the file cannot be read, or some of its lines cannot be accounted for.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {sql.name(name + '_broken')} ({delimited.BROKEN_COLUMNS})"
    )
    try:
        return _STAGERS[file.kind](connection, file, name, select)
    except (
        duckdb.BinderException,
        duckdb.CatalogException,
        duckdb.InternalException,
        duckdb.ParserException,
    ):
        # A fault of ours must not read as a fault of the file.
        raise
    except duckdb.Error as error:
        # Only the first line: what follows may quote delivered values.
        reason = str(error).splitlines()[0]
        raise BadInput(
            f"{file.name} cannot be read: {reason}",
            "usual causes: a damaged file, a quote that is never closed, or line ends that are partly CRLF",
        ) from error


def _stage_parquet(connection, file: LandingFile, name: str, select: Projection) -> Staged:
    reader = f"read_parquet({sql.path(file.path)}, file_row_number = true)"
    described = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()]
    columns = tuple(column for column in described if column not in (*OWN_COLUMNS, "file_row_number"))
    expressions = select({column: sql.name(column) for column in columns})
    table = sql.name(name + "_read")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {_select_list(expressions)}"
        f"{sql.text(file.name)} AS _file, file_row_number + 1 AS _line FROM {reader}"
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(name)} AS FROM {table}")
    return Staged(name, name + "_broken", columns)


def _stage_database(connection, table: DatabaseTable, name: str, select: Projection) -> Staged:
    read = name + "_read"
    columns = table.copy_into(connection, read, select, OWN_COLUMNS)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {sql.name(name)} AS SELECT *, rowid + 1 AS _line FROM {sql.name(read)}"
    )
    return Staged(name, name + "_broken", columns)


def _stage_csv(connection, file: LandingFile, name: str, select: Projection) -> Staged:
    shape = csv_shape.inspect_csv(file)
    usable = {column: f"c{i}" for i, column in enumerate(shape.columns) if column not in OWN_COLUMNS}
    delimited.stage(connection, delimited.Records(shape, _select_list(select(usable))), name)
    return Staged(name, name + "_broken", tuple(usable), _note(shape))


def _stage_json_lines(connection, file: LandingFile, name: str, select: Projection) -> Staged:
    shape, columns = jsonl.stage(connection, file, name, select, OWN_COLUMNS)
    return Staged(name, name + "_broken", columns, _note(shape))


def _note(shape: csv_shape.Shape) -> str | None:
    """An encoding that was told by the content must not go unseen: it might be another after all."""
    if shape.text.encoding == encoding.GB18030 and shape.text.file.encoding is None:
        return "read as GB18030 (not UTF-8, and it reads as Chinese); else say `encodings` in company.yml"
    return None


def _select_list(expressions: dict[str, str]) -> str:
    """`a AS x, b AS y, ` (with the last comma, as own columns always follow)."""
    return "".join(f"{expression} AS {sql.name(column)}, " for column, expression in expressions.items())


#: How each kind of landing file (landing.KINDS) is staged.
_STAGERS = {
    "csv": _stage_csv,
    "jsonl": _stage_json_lines,
    "parquet": _stage_parquet,
    "postgres": _stage_database,
}
