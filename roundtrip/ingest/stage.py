"""One file into temporary tables of DuckDB: its rows as text with their line, and its broken lines.

Temporary tables live in memory and spill encrypted; nothing here reaches a file that stays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import pyarrow

from roundtrip.errors import BadInput
from roundtrip.ingest import csv_shape, sql
from roundtrip.ingest.landing import LandingFile

#: Added to every staged row; a delivered column of the same name is left out.
OWN_COLUMNS = ("_file", "_line")
_MAX_LINE_BYTES = 2_000_000
_BROKEN_TEXT_LIMIT = 2_000

#: Which SQL to select, given the delivered column names and the SQL of each: output name -> expression.
Projection = Callable[[dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Staged:
    """`rows` and `broken` are names of temporary tables or views.

    rows: the projection's columns, `_file` VARCHAR, `_line` BIGINT.
    broken: `_file` VARCHAR, `_line` BIGINT, `content` VARCHAR, `reason` VARCHAR; one row per physical line.
    """

    rows: str
    broken: str
    columns: tuple[str, ...]


def stage_file(
    connection: duckdb.DuckDBPyConnection, file: LandingFile, name: str, select: Projection
) -> Staged:
    """Stage one file under `name`.

    Raises:
        BadInput: the file cannot be read, or some of its lines cannot be accounted for.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {sql.name(name + '_broken')} "
        "(_file VARCHAR, _line BIGINT, content VARCHAR, reason VARCHAR)"
    )
    try:
        return (_stage_parquet if file.kind == "parquet" else _stage_csv)(connection, file, name, select)
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.InternalException):
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


def _stage_csv(connection, file: LandingFile, name: str, select: Projection) -> Staged:
    shape = csv_shape.inspect(file)
    positions = {column: f"c{i}" for i, column in enumerate(shape.columns)}
    usable = {column: position for column, position in positions.items() if column not in OWN_COLUMNS}
    reader = _csv_reader(file, shape, positions)
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    table = sql.name(name + "_read")
    accepted = connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {_select_list(select(usable))}"
        f"{sql.text(file.name)} AS _file FROM {reader('store_rejects = true')}"
    ).fetchone()[0]
    broken = _broken_records(connection, len(shape.columns))
    broken_lines = {}
    if shape.lines == shape.header_lines + accepted and not broken:
        rows = f"SELECT *, rowid + {shape.header_lines + 1} AS _line FROM {table}"
    else:
        lines, broken_lines = _place_rows(connection, file, shape, reader, accepted, broken)
        placed_rows = pyarrow.table({"row": range(accepted), "line": lines.astype("int64")})
        _create_from(connection, name + "_lines", placed_rows)
        line_table = sql.name(name + "_lines")
        rows = f"SELECT t.*, l.line AS _line FROM {table} AS t JOIN {line_table} AS l ON t.rowid = l.row"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(name)} AS {rows}")
    listed = [
        (file.name, broken_lines[record] + i, line, reason)
        for record, (content, reason) in broken.items()
        for i, line in enumerate(content)
        if line.strip()
    ]
    if listed:
        broken_rows = pyarrow.table(
            [list(values) for values in zip(*listed, strict=True)],
            schema=pyarrow.schema(
                [("_file", "string"), ("_line", "int64"), ("content", "string"), ("reason", "string")]
            ),
        )
        _create_from(connection, name + "_broken", broken_rows)
    return Staged(name, name + "_broken", tuple(usable))


def _create_from(connection, name: str, rows: pyarrow.Table) -> None:
    connection.register("_roundtrip_rows", rows)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {sql.name(name)} AS FROM _roundtrip_rows")
    connection.unregister("_roundtrip_rows")


def _csv_reader(file: LandingFile, shape, positions: dict[str, str]) -> Callable[[str], str]:
    """read_csv with every option given: nothing about a delivery depends on DuckDB's guesses."""
    columns = ", ".join(f"{sql.text(position)}: 'VARCHAR'" for position in positions.values())
    options = (
        f"auto_detect = false, columns = {{{columns}}}, header = true, delim = {sql.text(shape.delimiter)}, "
        f"quote = '\"', escape = '\"', new_line = '{shape.new_line}', null_padding = false, "
        f"compression = '{'gzip' if file.kind == 'csv.gz' else 'none'}', max_line_size = {_MAX_LINE_BYTES}"
    )
    return lambda more: f"read_csv({sql.path(file.path)}, {options}, {more})"


def _broken_records(connection, column_count: int) -> dict[int, tuple[list[str], str]]:
    """Record number -> (its physical lines, why DuckDB refused it), ascending."""
    found = connection.execute(
        "SELECT line, any_value(csv_line), first(error_type::VARCHAR), first(error_message) "
        "FROM reject_errors GROUP BY line ORDER BY line"
    ).fetchall()
    broken = {}
    for record, content, error_type, message in found:
        if error_type in ("MISSING COLUMNS", "TOO MANY COLUMNS"):
            count = message.rsplit(" ", 1)[-1]
            reason = f"the line has {count} columns, the header has {column_count}"
        elif error_type == "LINE SIZE OVER MAXIMUM":
            reason = f"the line is longer than {_MAX_LINE_BYTES} bytes"
        else:
            reason = "a quoted value does not end where its column ends"
        # DuckDB hands over blank lines before the record with it.
        lines = (content or "").lstrip("\r\n").rstrip("\r\n").split("\n")
        broken[record] = ([line[:_BROKEN_TEXT_LIMIT] for line in lines], reason)
    return broken


def _place_rows(connection, file: LandingFile, shape, reader, accepted: int, broken: dict):
    """Lines of rows and of broken records in a file where some lines are blank, broken or part of a value."""
    line_breaks = " + ".join(
        f"coalesce(length(c{i}) - length(replace(c{i}, chr(10), '')), 0)" for i in range(len(shape.columns))
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _roundtrip_breaks AS SELECT {line_breaks} AS breaks "
        f"FROM {reader('ignore_errors = true')}"
    )
    long_rows = connection.execute(
        "SELECT rowid, breaks + 1 FROM _roundtrip_breaks WHERE breaks > 0 ORDER BY rowid"
    ).fetchall()
    is_blank = csv_shape.blank_lines(file)
    if len(shape.columns) == 1:
        # With one column DuckDB takes a blank line for a row without a value.
        is_blank[:] = False
    extents = {record: len(content) for record, (content, _) in broken.items()}
    placed = csv_shape.place_rows(shape.header_lines, is_blank, accepted, dict(long_rows), extents)
    if placed is None:
        raise BadInput(
            f"{file.name}: its {shape.lines} lines cannot be told apart into rows",
            "quote values that hold quotes or line breaks, double quotes inside them, keep to one line end",
        )
    return placed


def _select_list(expressions: dict[str, str]) -> str:
    """`a AS x, b AS y, ` (with the last comma, as own columns always follow)."""
    return "".join(f"{expression} AS {sql.name(column)}, " for column, expression in expressions.items())
