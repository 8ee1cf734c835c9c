"""What is looked at in a text before DuckDB reads it: is it whole, its encoding, lines, header, delimiter."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from roundtrip.errors import BadInput
from roundtrip.ingest import encoding, places
from roundtrip.ingest.landing import LandingFile
from roundtrip.ingest.text import Text, unpacked

_LINE_FEED, _CARRIAGE_RETURN = 10, 13
_DELIMITERS = ",;\t|"
#: DuckDB keeps so much of a broken record.
DOUBTFUL_BYTES = 10_000
#: No delimiter and no quote: this character is forbidden in JSON, and each line is one column.
_NOTHING_IN_JSON = "\x01"


@dataclass(frozen=True)
class Shape:
    """How a text is cut into records.

    Attributes:
        columns: as in the header.
        quote: empty where nothing is quoted, so that every line is a record.
        new_line: as DuckDB's reader wants it.
        header_lines, lines: physical lines.
        is_valid: whether all of it is UTF-8.
        has_quotes: whether a quote occurs anywhere, so that a value may hold line breaks.
    has_odd_line_ends: whether there are LF and CRLF, or carriage returns alone.
    """

    text: Text
    columns: tuple[str, ...]
    delimiter: str
    quote: str
    new_line: str
    header_lines: int
    lines: int
    is_valid: bool
    has_quotes: bool
    has_odd_line_ends: bool

    def mended(self) -> "Shape":
        """The same with line feeds as the only line ends."""
        return replace(
            self,
            text=replace(self.text, mends_line_ends=True),
            new_line="\\n",
            is_valid=False,
            has_odd_line_ends=False,
        )

    def without_long_doubtful_lines(self) -> "Shape":
        """The same without the lines over DOUBTFUL_BYTES that are not, each by itself, a sound record."""
        return replace(self, text=replace(self.text, blots_out=self._is_long_and_doubtful), is_valid=False)

    def _is_long_and_doubtful(self, line: bytes) -> bool:
        if len(line) <= DOUBTFUL_BYTES:
            return False
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return True
        if not self.quote:
            return False
        fields = places.fields_of(text.rstrip("\r\n"), self.delimiter)
        return fields != len(self.columns)


def inspect_csv(file: LandingFile) -> Shape:
    """Read the file once (again if it is not UTF-8), from start to end.

    Raises:
        BadInput: it is cut off, empty, or its header is unusable; the message names the line.
    """
    text, counts = _counted(file)
    if not counts.has_content:
        raise BadInput(f"{file.name}: the file is empty", "deliver at least the header")
    first, columns, delimiter, header_lines = _header(file, text)
    return Shape(
        text,
        columns,
        delimiter,
        '"',
        "\\r\\n" if first.endswith("\r\n") else "\\n",
        header_lines,
        counts.lines,
        counts.is_valid,
        counts.has_quotes,
        counts.has_odd_line_ends,
    )


def inspect_lines(file: LandingFile, column: str) -> Shape:
    """A text whose every line is one value, without a header; otherwise as `inspect_csv`."""
    text, counts = _counted(file)
    new_line = "\\r\\n" if next(text.lines(), b"").endswith(b"\r\n") else "\\n"
    return Shape(
        text,
        (column,),
        _NOTHING_IN_JSON,
        "",
        new_line,
        0,
        counts.lines,
        counts.is_valid,
        False,
        counts.has_odd_line_ends,
    )


@dataclass
class _Counts:
    line_feeds: int = 0
    carriage_returns: int = 0
    pairs: int = 0
    last_byte: bytes = b""
    is_valid: bool = True
    has_quotes: bool = False
    has_content: bool = False

    @property
    def has_odd_line_ends(self) -> bool:
        return self.carriage_returns != self.pairs or 0 < self.pairs < self.line_feeds

    @property
    def lines(self) -> int:
        return self.line_feeds + (self.last_byte not in (b"\n", b""))


def _counted(file: LandingFile) -> tuple[Text, _Counts]:
    """In which encoding the file is read, and what a first reading counts."""
    mark = encoding.marked(next(unpacked(file), b"")) if file.encoding is None else None
    text = Text(file, file.encoding or mark or encoding.UTF_8)
    counts = _count(text)
    if counts.is_valid or file.encoding or mark:
        return text, counts
    if encoding.evidence(unpacked(file)).is_chinese:
        text = Text(file, encoding.GB18030)
        counts = _count(text)
    return text, counts


def _count(text: Text) -> _Counts:
    decoder = codecs.getincrementaldecoder("utf-8")()
    counts = _Counts()
    for chunk in text.chunks():
        if not chunk:
            continue
        if counts.is_valid:
            counts.is_valid = _is_utf_8(decoder, chunk)
        counts.line_feeds += chunk.count(b"\n")
        if b"\r" in chunk:
            counts.carriage_returns += chunk.count(b"\r")
            counts.pairs += chunk.count(b"\r\n")
        if counts.last_byte == b"\r" and chunk.startswith(b"\n"):
            counts.pairs += 1
        counts.has_quotes = counts.has_quotes or b'"' in chunk
        counts.has_content = counts.has_content or chunk != codecs.BOM_UTF8
        counts.last_byte = chunk[-1:]
    if counts.is_valid:
        counts.is_valid = _is_utf_8(decoder, b"", final=True)
    return counts


def _is_utf_8(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    if chunk.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _header(file: LandingFile, text: Text) -> tuple[str, tuple[str, ...], str, int]:
    """The first physical line, the columns, the delimiter, and how many physical lines the header has."""
    first = next(_decoded_lines(file, text))
    if not first.strip():
        raise BadInput(f"{file.name} line 1: the line is blank", "the first line must be the header")
    if "\r" in first.removesuffix("\r\n"):
        raise BadInput(
            f"{file.name} line 1: lines end in a carriage return alone",
            "save the file with LF or CRLF line ends",
        )
    delimiter = _sniff(first)
    reader = csv.reader(_decoded_lines(file, text), delimiter=delimiter)
    try:
        header = next(reader)
    except csv.Error as error:
        raise BadInput(f"{file.name} line 1: the header cannot be read: {error}", "mend it") from error
    columns = tuple(
        column.strip().lstrip("\ufeff") or f"column_{i}" for i, column in enumerate(header, start=1)
    )
    if any("\x00" in column for column in columns):
        raise BadInput(
            f"{file.name} line 1: the header holds zero bytes",
            "deliver the file again, as text (UTF-16 needs its byte order mark)",
        )
    lowered = [column.lower() for column in columns]
    if twice := sorted({column for column in lowered if lowered.count(column) > 1}):
        raise BadInput(
            f"{file.name} line 1: the header names {', '.join(twice)} twice", "rename or remove one"
        )
    return first, columns, delimiter, reader.line_num


def _decoded_lines(file: LandingFile, text: Text) -> Iterator[str]:
    """Physical lines with their line feeds; only a few of them are ever asked for."""
    for number, line in enumerate(text.lines(), start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{file.name} line {number}: the header is not UTF-8",
                "save the file as UTF-8, or say its encoding in company.yml (encodings)",
            ) from error


def _sniff(header: str) -> str:
    """The delimiter that occurs most in the header, outside quotes; a comma for a single column."""
    outside = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def line_ends(text: Text) -> tuple[np.ndarray, np.ndarray]:
    """For every physical line: where its line feed stands (or would stand), and whether it is blank."""
    ends, before_ends, before, offset = [], [], 0, 0
    for chunk in text.chunks():
        if not chunk:
            continue
        data = np.frombuffer(chunk, dtype=np.uint8)
        line_feeds = np.flatnonzero(data == _LINE_FEED)
        ends.append(line_feeds + offset)
        before_ends.append(np.where(line_feeds > 0, data[line_feeds - 1], before))
        before = data[-1]
        offset += len(chunk)
    found, last_bytes = np.concatenate([*ends, []]).astype(np.int64), np.concatenate([*before_ends, []])
    if offset and (not len(found) or found[-1] != offset - 1):
        found, last_bytes = np.append(found, offset), np.append(last_bytes, before)
    lengths = np.diff(found, prepend=-1) - 1
    return found, (lengths == 0) | ((lengths == 1) & (last_bytes == _CARRIAGE_RETURN))
