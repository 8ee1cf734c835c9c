"""JSON lines: one object a line. Its keys are columns, its nested values JSON text."""

from collections.abc import Callable

import duckdb

from roundtrip.errors import BadInput
from roundtrip.ingest import csv_shape, delimited, sql
from roundtrip.ingest.landing import LandingFile

#: More keys than this are values: somebody's ids or dates in the place of names.
MAX_KEYS = 1_000

#: The column of the key "".
_NO_NAME = "(empty)"
_OBJECTS = "_roundtrip_objects"


def stage(
    connection: duckdb.DuckDBPyConnection,
    file: LandingFile,
    name: str,
    select: Callable[[dict[str, str]], dict[str, str]],
    own_columns: tuple[str, ...],
) -> tuple[csv_shape.Shape, tuple[str, ...]]:
    """Make the view `name`, and fill `<name>_broken`; the file's shape, and its columns in alphabetic order.

    Raises:
        BadInput: the lines have too many different keys, or cannot be accounted for.
    """
    shape = csv_shape.inspect_lines(file, "line")
    lines = f"{name}_json"
    if shape.lines:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {sql.name(lines + '_broken')} ({delimited.BROKEN_COLUMNS})"
        )
        delimited.stage(connection, delimited.Records(shape, "c0 AS line, "), lines)
        connection.execute(f"INSERT INTO {sql.name(name + '_broken')} FROM {sql.name(lines + '_broken')}")
        delivered = f"FROM {sql.name(lines)}"
    else:
        delivered = "SELECT NULL::VARCHAR AS line, NULL::VARCHAR AS _file, NULL::BIGINT AS _line LIMIT 0"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {_OBJECTS} AS SELECT line, _file, _line, keys, CASE
            WHEN NOT is_json THEN {delimited.NO_JSON[1]}
            WHEN kind <> 'OBJECT' THEN 'the line is JSON, but no object'
            WHEN len(list_distinct(list_transform(keys, lambda key: lower(key)))) < len(keys)
                THEN 'the object names a key twice'
            END AS reason
        FROM (
            SELECT *, CASE WHEN is_json THEN json_type(line) END AS kind,
                CASE WHEN is_json AND json_type(line) = 'OBJECT' THEN json_keys(line) END AS keys
            FROM (SELECT *, json_valid(line) AS is_json FROM ({delivered}))
            WHERE trim(line, E' \\t\\r\\n') <> ''
        )
        """
    )
    connection.execute(
        f"INSERT INTO {sql.name(name + '_broken')} SELECT _file, _line, "
        f"left(line, {delimited.BROKEN_TEXT_LIMIT}), 'json', reason FROM {_OBJECTS} WHERE reason IS NOT NULL"
    )
    columns = _columns(connection, file)
    pointers = ", ".join(sql.text(_pointer(key)) for keys in columns.values() for key in keys)
    place = {key: i for i, key in enumerate((k for keys in columns.values() for k in keys), start=1)}
    expressions = select(
        {
            column: f"coalesce({', '.join(f'_values[{place[key]}]' for key in keys)})"
            for column, keys in columns.items()
            if column not in own_columns
        }
    )
    chosen = "".join(f"{expression} AS {sql.name(column)}, " for column, expression in expressions.items())
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {sql.name(name + '_read')} AS SELECT {chosen}_file, _line FROM ("
        f"SELECT json_extract_string(line, [{pointers}]::VARCHAR[]) AS _values, _file, _line "
        f"FROM {_OBJECTS} WHERE reason IS NULL)"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {sql.name(name)} AS FROM {sql.name(name + '_read')}; "
        f"DROP TABLE {_OBJECTS}"
    )
    return shape, tuple(column for column in columns if column not in own_columns)


def _columns(connection, file: LandingFile) -> dict[str, list[str]]:
    """Column -> the spellings of its key, which differ in case only; in alphabetic order."""
    keys = connection.execute(
        f"SELECT DISTINCT unnest(keys) AS key FROM {_OBJECTS} WHERE reason IS NULL ORDER BY key "
        f"LIMIT {MAX_KEYS + 1}"
    ).fetchall()
    if len(keys) > MAX_KEYS:
        raise BadInput(
            f"{file.name}: its objects have more than {MAX_KEYS} different keys",
            "deliver objects with the same keys, such as the contract's columns",
        )
    spellings: dict[str, list[str]] = {}
    for (key,) in keys:
        spellings.setdefault(key.lower(), []).append(key)
    return {variants[0] or _NO_NAME: variants for variants in spellings.values()}


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")
