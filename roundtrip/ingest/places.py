"""On which physical lines rows and broken records stand.

DuckDB tells where each broken record begins (as a byte) and nothing about the rows it read. Every line that
is not blank begins a row, but for those inside a value and those of broken records; so with the broken lines
taken out, the rows follow one another in the file's order.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BrokenPlaces:
    """Per broken record its first line (from 0) and how many lines it has."""

    first: np.ndarray
    extent: np.ndarray


def of_broken(
    ends: np.ndarray, is_blank: np.ndarray, offsets: np.ndarray, lengths: np.ndarray
) -> BrokenPlaces:
    """Lines of broken records.

    Args:
        ends, is_blank: of csv_shape.line_ends.
        offsets: where each record begins, ascending; blank lines before it may be taken in.
        lengths: bytes from there to its end, its own line feed not counted.
    """
    last_line = len(ends) - 1
    begins = np.minimum(np.searchsorted(ends, offsets), last_line)
    stops = np.minimum(np.searchsorted(ends, offsets + np.maximum(lengths, 1) - 1), last_line)
    # The next line that is not blank, for each line; the last line itself if there is none.
    following = np.where(is_blank, last_line, np.arange(len(ends)))
    following = np.minimum.accumulate(following[::-1])[::-1]
    first = np.minimum(following[begins], stops)
    return BrokenPlaces(first, stops - first + 1)


def of_rows(
    header_lines: int,
    is_skipped: np.ndarray,
    accepted: int,
    long_rows: tuple[np.ndarray, np.ndarray],
    broken: BrokenPlaces,
) -> np.ndarray | None:
    """The line (from 1) on which each accepted row begins, or None if it does not come out exactly.

    Args:
        is_skipped: per physical line, whether DuckDB skips it if it is not inside a value: blank lines.
        accepted: the number of rows that DuckDB read.
        long_rows: (rows from 0, ascending; their line breaks) for those that hold any.
    """
    is_broken = np.zeros(len(is_skipped) + 1, np.int32)
    np.add.at(is_broken, broken.first, 1)
    np.add.at(is_broken, broken.first + broken.extent, -1)
    broken_before = np.concatenate([[0], np.cumsum(is_broken := np.cumsum(is_broken)[:-1] > 0)])
    is_row = ~is_skipped & ~is_broken
    is_row[:header_lines] = False
    candidates = np.flatnonzero(is_row)
    rows_before = np.concatenate([[0], np.cumsum(is_row)])
    inside = 0
    for row, breaks in zip(*(numbers.tolist() for numbers in long_rows), strict=True):
        if row + inside >= len(candidates):
            return None
        begin = int(candidates[row + inside])
        end = begin + breaks + 1
        if end > len(is_row) or broken_before[end] != broken_before[begin]:
            return None
        is_row[begin + 1 : end] = False
        inside += int(rows_before[end] - rows_before[begin + 1])
    lines = np.flatnonzero(is_row) + 1
    return lines if len(lines) == accepted else None


def record_lines(lines: Iterable[bytes], delimiter: bytes) -> Iterator[int]:
    """How many physical lines each record has, read as DuckDB reads it: a quote counts where a value begins,
    and a value whose quotes have ended goes on to the next delimiter."""
    in_quotes, count = False, 0
    for line in lines:
        count += 1
        if not in_quotes and count == 1:
            in_quotes, position = _opens(line, 0)
        else:
            position = 0
        while True:
            if in_quotes:
                position = line.find(b'"', position)
                if position < 0:
                    break
                in_quotes = line[position + 1 : position + 2] == b'"'
                position += 2 if in_quotes else 1
            else:
                position = line.find(delimiter, position)
                if position < 0:
                    break
                in_quotes, position = _opens(line, position + len(delimiter))
        if not in_quotes:
            yield count
            count = 0
    if count:
        yield count


def _opens(line: bytes, position: int) -> tuple[bool, int]:
    is_quote = line[position : position + 1] == b'"'
    return is_quote, position + is_quote


def fields_of(record: str, delimiter: str) -> int | None:
    """How many fields a line has by itself, None if its quotes are not sound."""
    limit = csv.field_size_limit(len(record) + 1)
    try:
        return len(next(csv.reader([record], delimiter=delimiter, strict=True), []))
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(limit)
