"""A text of records into temporary tables, by DuckDB's reader: rows with their lines, and broken lines.

Whatever DuckDB cannot read as a record is broken, and none of its lines is lost: rows and broken records
together must be all lines that are not blank, or the file is refused.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow

from roundtrip.errors import BadInput
from roundtrip.ingest import csv_shape, feed, places, sql
from roundtrip.ingest.csv_shape import Shape

MAX_LINE_BYTES = 2_000_000
BROKEN_COLUMNS = "_file VARCHAR, _line BIGINT, content VARCHAR, rule VARCHAR, reason VARCHAR"
BROKEN_TEXT_LIMIT = 2_000
_CUT_CHARACTER = "Invalid unicode (byte sequence mismatch) detected in segment statistics update"
_NOT_KEPT = "not kept: the record is too long; see the file"

#: What DuckDB finds wrong, the most telling first -> (rule, reason); a record may have several of them.
_ERRORS = {
    "INVALID ENCODING": ("encoding", "'the line is not {encoding}'"),
    "LINE SIZE OVER MAXIMUM": ("line_length", f"'the line is longer than {MAX_LINE_BYTES} bytes'"),
    "UNQUOTED VALUE": ("columns", "'a quoted value does not end where its column ends'"),
    "TOO MANY COLUMNS": ("columns", "'the line has ' || found || ' columns, the header has {columns}'"),
    "MISSING COLUMNS": ("columns", "'the line has ' || found || ' columns, the header has {columns}'"),
}
NO_JSON = ("json", "'the line is not JSON'")
_OTHER = ("columns", "'the line cannot be read'")
_MENDED_ENCODING = "'the line is not {encoding}, or holds a carriage return that ends no line'"
_BLOTTED_OUT = "'the line is not {encoding}, or long and no record by itself'"


@dataclass
class Records:
    """A text to be read: `select` is SQL such as `c0 AS a, `, over the columns c0, c1 … of the shape."""

    shape: Shape
    select: str


def stage(connection: duckdb.DuckDBPyConnection, records: Records, name: str) -> None:
    """Make the view `name` (what `select` says, `_file`, `_line`) and fill the table `<name>_broken`.

    Raises:
        BadInput: some of the lines cannot be accounted for.
        duckdb.Error: the reader gave up.
    """
    try:
        accepted = _read(connection, records, name)
        if not (records.shape.has_odd_line_ends and _rejects_count(connection)):
            _make_view(connection, records.shape, accepted, name)
            return
    except (duckdb.InvalidInputException, BadInput):
        if not records.shape.has_odd_line_ends:
            raise
    # DuckDB reads one kind of line end only, and may take a carriage return alone for one, too.
    mended = Records(records.shape.mended(), records.select)
    _make_view(connection, mended.shape, _read(connection, mended, name), name)


def _rejects_count(connection) -> int:
    return connection.execute("SELECT count(*) FROM _roundtrip_rejects").fetchone()[0]


def _make_view(connection, shape: Shape, accepted: int, name: str) -> None:
    """The view `name` over `<name>_read`: `accepted` rows with their lines; broken lines are noted."""
    read = sql.name(name + "_read")
    is_line_by_line = shape.lines == shape.header_lines + accepted
    if is_line_by_line and not _rejects_count(connection) and not _long_rows(connection, shape, read):
        rows = f"SELECT * {_without_breaks(shape)}, rowid + {shape.header_lines + 1} AS _line FROM {read}"
    else:
        lines = _place(connection, shape, read, accepted, name)
        _create_from(connection, name + "_lines", pyarrow.table({"line": lines}))
        rows = (
            f"SELECT t.* {_without_breaks(shape)}, l.line AS _line FROM {read} AS t "
            f"POSITIONAL JOIN {sql.name(name + '_lines')} AS l"
        )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(name)} AS {rows}")


def _has_breaks(shape: Shape) -> bool:
    """Whether line breaks are counted. This looks at every column, and so does the check of the encoding."""
    return bool(shape.quote) and (shape.has_quotes or not shape.is_valid)


def _without_breaks(shape: Shape) -> str:
    return "EXCLUDE (_breaks)" if _has_breaks(shape) else ""


def _read(connection, records: Records, name: str) -> int:
    """Make `<name>_read` and `_roundtrip_rejects` (one row per broken record); the number of rows read."""
    try:
        return _read_once(connection, records.shape, records.select, name)
    except duckdb.InvalidInputException as error:
        if _CUT_CHARACTER not in str(error):
            raise
    # DuckDB cuts a long broken record within a character, and cannot store what is left of it.
    records.shape = records.shape.without_long_doubtful_lines()
    return _read_once(connection, records.shape, records.select, name)


def _read_once(connection, shape: Shape, select: str, name: str) -> int:
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    breaks = ""
    if _has_breaks(shape):
        counted = (
            f"CASE WHEN contains({c}, chr(10)) THEN strlen({c}) - strlen(replace({c}, chr(10), '')) "
            "ELSE 0 END"
            for c in (f"c{i}" for i in range(len(shape.columns)))
        )
        breaks = f"({' + '.join(counted)})::INTEGER AS _breaks, "
    with _source(shape) as source:
        accepted = connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {sql.name(name + '_read')} AS SELECT {select}{breaks}"
            f"{sql.text(shape.text.file.name)} AS _file FROM {source}"
        ).fetchone()[0]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _roundtrip_rejects AS {_rejects(shape)}")
    return accepted


@contextlib.contextmanager
def _source(shape: Shape) -> Iterator[str]:
    """read_csv with every option given: nothing about a delivery depends on DuckDB's guesses."""
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(shape.columns)))
    options = (
        f"auto_detect = false, columns = {{{columns}}}, header = {str(bool(shape.header_lines)).lower()}, "
        f"delim = {sql.text(shape.delimiter)}, quote = {sql.text(shape.quote)}, "
        f"escape = {sql.text(shape.quote)}, new_line = '{shape.new_line}', null_padding = false, "
        f"max_line_size = {MAX_LINE_BYTES}, store_rejects = true"
    )
    file = shape.text.file
    if shape.text.is_as_delivered and file.compression in ("", "gz"):
        packed = "gzip" if file.compression else "none"
        yield f"read_csv({sql.path(file.path)}, {options}, compression = '{packed}')"
    else:
        with feed.pipe(shape.text.chunks()) as path:
            yield f"read_csv({sql.path(path)}, {options}, compression = 'none')"


def _rejects(shape: Shape) -> str:
    """SQL for one row per broken record: record, begins (its first byte, from 0), bytes (NULL: not known),
    content, rule, reason."""
    words = {"encoding": shape.text.encoding.upper(), "columns": len(shape.columns)}
    rule, reason = [], []
    for error, (its_rule, its_reason) in _ERRORS.items():
        if error == "INVALID ENCODING" and shape.text.blots_out:
            its_reason = _BLOTTED_OUT
        elif error == "INVALID ENCODING" and shape.text.mends_line_ends:
            its_reason = _MENDED_ENCODING
        elif its_rule == "columns" and not shape.quote:
            its_rule, its_reason = NO_JSON
        rule.append(f"WHEN list_contains(errors, '{error}') THEN '{its_rule}'")
        reason.append(f"WHEN list_contains(errors, '{error}') THEN {its_reason.format(**words)}")
    return f"""
        SELECT row_number() OVER (ORDER BY begins) - 1 AS record,
            begins + strlen(raw) - strlen(content) AS begins,
            CASE WHEN size > 0 THEN size WHEN strlen(raw) < {csv_shape.DOUBTFUL_BYTES} THEN strlen(raw) END
                - (strlen(raw) - strlen(content)) AS bytes,
            content,
            CASE {" ".join(rule)} ELSE '{_OTHER[0]}' END AS rule,
            CASE {" ".join(reason)} ELSE {_OTHER[1]} END AS reason
        FROM (
            -- The line feed before the record may be part of it, and so are blank lines.
            SELECT line_byte_position::BIGINT - 1 AS begins,
                coalesce(min(csv_line), '') AS raw, ltrim(raw, chr(10) || chr(13)) AS content,
                list(error_type::VARCHAR) AS errors,
                max(TRY_CAST(regexp_extract(error_message, 'Actual Size:(\\d+) bytes', 1) AS BIGINT)) AS size,
                CASE WHEN bool_or(error_type = 'TOO MANY COLUMNS')
                    THEN max(TRY_CAST(regexp_extract(error_message, 'Found: (\\d+)', 1) AS INTEGER))
                    ELSE min(TRY_CAST(regexp_extract(error_message, 'Found: (\\d+)', 1) AS INTEGER))
                END AS found
            FROM reject_errors GROUP BY line_byte_position
        )"""


def _long_rows(connection, shape: Shape, read: str) -> int:
    if not _has_breaks(shape):
        return 0
    return connection.execute(f"SELECT count(*) FROM {read} WHERE _breaks > 0").fetchone()[0]


def _place(connection, shape: Shape, read: str, accepted: int, name: str) -> np.ndarray:
    """The lines of all rows; broken lines go into `<name>_broken`."""
    file = shape.text.file
    rejects = connection.execute(
        "SELECT begins, coalesce(bytes, -1) AS bytes FROM _roundtrip_rejects ORDER BY record"
    ).fetchnumpy()
    ends, is_blank = csv_shape.line_ends(shape.text)
    offsets, lengths = (np.asarray(rejects[column], np.int64) for column in ("begins", "bytes"))
    broken = places.of_broken(ends, is_blank, offsets, lengths)
    if (lengths < 0).any():
        _find_ends(shape, broken, lengths < 0)
    long_rows = (np.array([], np.int64), np.array([], np.int64))
    if _has_breaks(shape):
        found = connection.execute(
            f"SELECT rowid AS place, _breaks AS breaks FROM {read} WHERE _breaks > 0 ORDER BY rowid"
        ).fetchnumpy()
        long_rows = (np.asarray(found["place"]), np.asarray(found["breaks"]))
    # With one column DuckDB takes a blank line for a row without a value.
    is_skipped = np.zeros_like(is_blank) if len(shape.columns) == 1 else is_blank
    lines = places.of_rows(shape.header_lines, is_skipped, accepted, long_rows, broken)
    if lines is None:
        where = f"; the first doubtful one is line {broken.first[0] + 1}" if len(broken.first) else ""
        raise BadInput(
            f"{file.name}: its {shape.lines} lines cannot be told apart into rows{where}",
            "quote values that hold quotes or line breaks, double quotes inside them, keep to one line end",
        )
    if len(offsets):
        _note_broken(connection, shape, ends, is_blank, offsets, broken, name)
    return lines


def _find_ends(shape: Shape, broken: places.BrokenPlaces, is_cut: np.ndarray) -> None:
    """Set how many lines those records have of which DuckDB kept the beginning only."""
    lines, at = shape.text.lines(), 0
    for record in np.flatnonzero(is_cut):
        while at < broken.first[record]:
            next(lines)
            at += 1
        extent = next(places.record_lines(lines, shape.delimiter.encode()), 1) if shape.quote else 1
        broken.extent[record] = extent
        at += extent


def _note_broken(connection, shape: Shape, ends, is_blank, offsets, broken, name: str) -> None:
    """Every broken line that is not blank: most records have one line, and DuckDB has its text."""
    records = np.repeat(np.arange(len(offsets)), broken.extent)
    within = np.arange(len(records)) - np.repeat(np.cumsum(broken.extent) - broken.extent, broken.extent)
    lines = broken.first[records] + within
    is_kept = ~is_blank[lines]
    many = np.flatnonzero(broken.extent > 1)
    texts = dict(
        connection.execute(
            "SELECT record, content FROM _roundtrip_rejects WHERE record IN (SELECT unnest(?::BIGINT[]))",
            [many.tolist()],
        ).fetchall()
    )
    content = np.full(len(records), None, object)
    starts = np.concatenate([[0], np.cumsum(broken.extent)])
    for record, text in texts.items():
        kept, begin = text.encode(), offsets[record]
        for i in range(starts[record], starts[record + 1]):
            line_begin = max(ends[lines[i] - 1] + 1 if lines[i] else 0, begin) - begin
            if line_begin >= len(kept):
                content[i : starts[record + 1]] = _NOT_KEPT
                break
            content[i] = kept[line_begin : ends[lines[i]] - begin].decode("utf-8", "replace")
    listed = pyarrow.table(
        {
            "record": pyarrow.array(records[is_kept], pyarrow.int64()),
            "line": pyarrow.array(lines[is_kept] + 1, pyarrow.int64()),
            "content": pyarrow.array(content[is_kept], pyarrow.string()),
        }
    )
    _create_from(connection, "_roundtrip_broken_lines", listed)
    connection.execute(
        f"""
        INSERT INTO {sql.name(name + "_broken")}
        SELECT {sql.text(shape.text.file.name)}, line, left(text, {BROKEN_TEXT_LIMIT}), rule, reason
        FROM (
            SELECT line, rule, reason, trim(coalesce(l.content, r.content), chr(10) || chr(13)) AS text
            FROM _roundtrip_broken_lines AS l JOIN _roundtrip_rejects AS r USING (record)
        )
        WHERE trim(text, E' \\t\\r\\n') <> '' ORDER BY line
        """
    )


def _create_from(connection, name: str, rows: pyarrow.Table) -> None:
    connection.register("_roundtrip_rows", rows)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {sql.name(name)} AS FROM _roundtrip_rows")
    connection.unregister("_roundtrip_rows")
