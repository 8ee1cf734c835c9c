"""What is checked about a CSV file before DuckDB reads it: whole, UTF-8, header, delimiter, line ends."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from roundtrip.errors import BadInput
from roundtrip.ingest.landing import LandingFile

_CHUNK_BYTES = 1 << 20
_LINE_FEED, _CARRIAGE_RETURN = 10, 13
_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class CsvShape:
    """`columns` as in the header; `lines` and `header_lines` count physical lines."""

    columns: tuple[str, ...]
    delimiter: str
    new_line: str
    header_lines: int
    lines: int


def inspect(file: LandingFile) -> CsvShape:
    """Read the file once, from start to end.

    Raises:
        BadInput: it is cut off, empty, not UTF-8, or its header is unusable; the message names the line.
    """
    lines, last_byte = _check_whole_and_utf8(file)
    if last_byte is None:
        raise BadInput(f"{file.name}: the file is empty", "deliver at least the header")
    if last_byte != b"\n":
        lines += 1
    with _open(file) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        first = text.readline()
        if not first.strip():
            raise BadInput(f"{file.name} line 1: the line is blank", "the first line must be the header")
        if first.endswith("\r"):
            raise BadInput(
                f"{file.name} line 1: lines end in a carriage return alone",
                "save the file with LF or CRLF line ends",
            )
        delimiter = _sniff(first)
        text.seek(0)
        reader = csv.reader(text, delimiter=delimiter)
        try:
            header = next(reader)
        except csv.Error as error:
            raise BadInput(f"{file.name} line 1: the header cannot be read: {error}", "mend it") from error
        header_lines = reader.line_num
    columns = tuple(
        column.strip().lstrip("\ufeff") or f"column_{i}" for i, column in enumerate(header, start=1)
    )
    if any("\x00" in column for column in columns):
        raise BadInput(f"{file.name} line 1: the header holds zero bytes", "deliver the file again, as text")
    lowered = [column.lower() for column in columns]
    if twice := sorted({column for column in lowered if lowered.count(column) > 1}):
        raise BadInput(
            f"{file.name} line 1: the header names {', '.join(twice)} twice", "rename or remove one"
        )
    new_line = "\\r\\n" if first.endswith("\r\n") else "\\n"
    return CsvShape(columns, delimiter, new_line, header_lines, lines)


def _open(file: LandingFile) -> io.BufferedIOBase:
    return gzip.open(file.path, "rb") if file.kind == "csv.gz" else file.path.open("rb")


def _chunks(file: LandingFile) -> Iterator[bytes]:
    try:
        with _open(file) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(
            f"{file.name} is cut off or no gzip file: {error}", "deliver the whole file again"
        ) from error


def _check_whole_and_utf8(file: LandingFile) -> tuple[int, bytes | None]:
    """The number of line feeds, and the last byte (None: no bytes but perhaps a BOM)."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line_feeds, length, last = 0, 0, None
    for chunk in _chunks(file):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            line = line_feeds + error.object[: error.start].count(b"\n") + 1
            raise _not_utf8(file, line) from error
        line_feeds += chunk.count(b"\n")
        length += len(chunk)
        last = chunk[-1:]
        if length == len(_BOM) and chunk == _BOM:
            last = None
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(file, line_feeds + 1) from error
    return line_feeds, last


def _not_utf8(file: LandingFile, line: int) -> BadInput:
    return BadInput(
        f"{file.name} line {line}: the file is not UTF-8", "save it as UTF-8 (it may be GBK or Windows-1252)"
    )


def _sniff(header: str) -> str:
    """The delimiter that occurs most in the header, outside quotes; a comma for a single column."""
    outside = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def blank_lines(file: LandingFile) -> np.ndarray:
    """For every physical line: is it blank (a boolean array)."""
    ends, before_ends, before, offset = [], [], 0, 0
    for chunk in _chunks(file):
        data = np.frombuffer(chunk, dtype=np.uint8)
        line_feeds = np.flatnonzero(data == _LINE_FEED)
        ends.append(line_feeds + offset)
        before_ends.append(np.where(line_feeds > 0, data[line_feeds - 1], before))
        before = data[-1]
        offset += len(chunk)
    line_ends, last_bytes = np.concatenate(ends), np.concatenate(before_ends)
    if not len(line_ends) or line_ends[-1] != offset - 1:
        line_ends, last_bytes = np.append(line_ends, offset), np.append(last_bytes, 0)
    lengths = np.diff(line_ends, prepend=-1) - 1
    return (lengths == 0) | ((lengths == 1) & (last_bytes == _CARRIAGE_RETURN))


def place_rows(
    header_lines: int,
    is_blank: np.ndarray,
    accepted: int,
    long_rows: dict[int, int],
    broken: dict[int, int],
) -> tuple[np.ndarray, dict[int, int]] | None:
    """The physical line on which each accepted row and each broken record begins.

    DuckDB tells the number of each broken record (the header is 1, blank lines count) and nothing about
    accepted rows. Every line that is not blank is a row of its own, but for broken records and rows that
    hold line breaks; so only these are walked through, in the order in which they come.

    Args:
        is_blank: per physical line, whether DuckDB skips it if it is not inside a value.
        accepted: the number of rows that DuckDB read.
        long_rows: row (from 0) -> its number of physical lines, ascending, for those with more than one.
        broken: record number -> its number of physical lines, ascending.

    Returns:
        (line of each accepted row; record number -> line), or None if it does not come out exactly.
    """
    is_row = ~is_blank
    is_row[:header_lines] = False
    candidates = np.flatnonzero(is_row)
    rows_ahead, broken_ahead = list(long_rows.items()), list(broken.items())
    rows_ahead.reverse()
    broken_ahead.reverse()
    broken_lines = {}
    line, row, record = header_lines, 0, 1
    while rows_ahead or broken_ahead:
        next_candidate = np.searchsorted(candidates, line)
        at_row = at_broken = len(is_blank)
        if rows_ahead and next_candidate + rows_ahead[-1][0] - row < len(candidates):
            at_row = int(candidates[next_candidate + rows_ahead[-1][0] - row])
        if broken_ahead:
            at_broken = line + broken_ahead[-1][0] - record - 1
        begin = min(at_row, at_broken)
        if not line <= begin < len(is_blank):
            return None
        is_broken = at_broken <= at_row
        number, extent = (broken_ahead if is_broken else rows_ahead).pop()
        if is_broken:
            is_row[begin : begin + extent] = False
            broken_lines[number] = begin + 1
            row += int(np.searchsorted(candidates, begin) - next_candidate)
        else:
            is_row[begin + 1 : begin + extent] = False
            row = number + 1
        record += begin - line + 1
        line = begin + extent
    lines = np.flatnonzero(is_row) + 1
    return (lines, broken_lines) if len(lines) == accepted else None
