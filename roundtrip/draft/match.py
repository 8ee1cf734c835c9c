"""Which file is which contract table, and which column is which: by names and by values together."""

import re
from dataclasses import dataclass

from roundtrip.contract import Column, Table, source_contract
from roundtrip.draft import codes, shapes
from roundtrip.draft.profile import Field
from roundtrip.draft.reading import Source
from roundtrip.draft.words import concepts, likeness, table_words

#: Below this a column is not taken for the contract's.
LIKELY = 0.6
#: A name that says it outright, with values that fit.
SURE = 0.95
#: A column found by its values alone.
BY_VALUES = 0.65
#: Only these are recognised in a file whose name says nothing: their columns are telling enough.
_TELLING = {"customers": 0.6, "bookings": 0.6}


@dataclass(frozen=True)
class Match:
    """A field taken for a contract column; `name` and `values` are the two parts of the score, 0 to 1."""

    column: str
    field: Field
    name: float
    values: float

    @property
    def score(self) -> float:
        return self.name * self.values


def assign(fields: list[Field], table: Table, wanted: set[str] | None = None) -> dict[str, Match]:
    """The best field for each contract column, each field once; contract columns without one are absent.

    Args:
        wanted: only these contract columns (default: all).
    """
    words = table_words()[table.name]
    matches = []
    for place, found in enumerate(fields):
        for column in table.columns:
            if wanted is not None and column.name not in wanted:
                continue
            name = likeness(found.concepts, words.columns[column.name], words.means)
            values = fits(table, column, found)
            if name * values < LIKELY and tells_by_values(table, column, found):
                name, values = BY_VALUES, 1.0
            if name * values >= LIKELY:
                matches.append(
                    (
                        name * values,
                        -place,
                        -table.column_names.index(column.name),
                        Match(column.name, found, name, values),
                    )
                )
    taken: dict[str, Match] = {}
    used: set[str] = set()
    for *_, match in sorted(matches, key=lambda each: each[:3], reverse=True):
        if match.column not in taken and match.field.name not in used:
            taken[match.column] = match
            used.add(match.field.name)
    return taken


def known_share(table: Table, column: Column, found: Field) -> float:
    """Share of the filled values that are known words for the contract's values."""
    known = sum(
        n for word, n in found.codes if codes.value_of(table.name, column, word) or codes.says_unknown(word)
    )
    return known / found.filled if found.filled else 0.0


def country_share(found: Field) -> float:
    known = sum(n for word, n in found.codes if codes.country(word))
    return known / found.filled if found.filled else 0.0


def fits(table: Table, column: Column, found: Field) -> float:
    """How well the values could be the column's, 0 (cannot) to 1."""
    if not found.filled:
        return 0.0
    if column.type in ("TIMESTAMP", "DATE", "MONTH"):
        return 1.0 if found.is_date else 0.95 if found.is_excel_date else 0.0
    if column.name == "birth_year":
        is_year = found.is_whole and found.low is not None and 1900 <= found.low <= found.high <= 2100
        return 1.0 if is_year or found.is_date else 0.0
    if column.type == "INTEGER":
        return 1.0 if found.is_whole else 0.8 if found.is_numeric else 0.0
    if column.type in ("DECIMAL", "DOUBLE"):
        return 1.0 if found.is_numeric else 0.0
    if column.type == "BOOLEAN":
        return 1.0 if found.distinct <= 3 else 0.0
    if column.values:
        return _fits_values(table, column, found)
    return _fits_text(table, column, found)


def _fits_values(table: Table, column: Column, found: Field) -> float:
    if known_share(table, column, found) >= 0.5:
        return 1.0
    if column.name == "status" and "cancelled" in found.concepts:
        return 1.0 if found.distinct == 2 else 0.0
    is_code = (
        found.distinct <= 30
        and not found.is_date
        and shapes.share(found.shapes, frozenset(("decimal",))) < 0.1
    )
    return 0.85 if is_code else 0.0


def _fits_text(table: Table, column: Column, found: Field) -> float:
    name = column.name
    is_text = found.shapes.get("text", 0) >= 0.5
    if name == "country":
        return 1.0 if country_share(found) >= 0.5 else 0.5
    if name == "currency":
        iso = sum(
            n for word, n in found.codes if codes.is_currency(word.upper()) or codes.currency_named(word)
        )
        return 1.0 if found.codes and iso >= 0.9 * found.filled else 0.0
    if name == "language":
        known = sum(
            n for word, n in found.codes if re.fullmatch(column.pattern or r"[A-Za-z]{2,3}(-\w+)*", word)
        )
        return 1.0 if found.codes and known >= 0.9 * found.filled else 0.4
    if name in ("email", "phone"):
        return 1.0 if found.shapes.get(name, 0) >= 0.8 else 0.7
    if name in table.key or name.endswith("_id") or column.references:
        return _fits_id(table, column, found)
    if name == "text":
        return 1.0 if is_text and found.distinct > 2 else 0.0
    return 1.0 if is_text else 0.5


def _fits_id(table: Table, column: Column, found: Field) -> float:
    written = shapes.share(found.shapes, shapes.DATES - shapes.DIGITS)
    if (
        written + found.shapes.get("decimal", 0) > 0.1
        or found.letters > 80
        or found.distinct <= min(3, found.rows // 2)
    ):
        return 0.0
    if table.key == (column.name,):
        return 1.0 if found.is_unique else 0.9 if found.distinct >= 0.5 * found.rows else 0.5
    return 1.0 if found.filled_share >= 0.5 else 0.8


def tells_by_values(table: Table, column: Column, found: Field) -> bool:
    """Values that need no name: addresses, and words that are the contract's in at least two values."""
    if column.pii:
        return found.shapes.get(column.name, 0) >= 0.9
    if column.values and not column.name.endswith("channel"):
        told = {codes.value_of(table.name, column, word) for word, _ in found.codes} - {None}
        letters = any(not word.isdigit() for word, _ in found.codes)
        return len(told) >= 2 and letters and known_share(table, column, found) >= 0.95
    return False


@dataclass(frozen=True)
class Assignment:
    """Sources by contract table, and what was left with the table that it looks like most (or None)."""

    sources: dict[str, Source]
    left: tuple[tuple[Source, str | None], ...]


def tables_of(sources: list[Source], fields: dict[str, list[Field]]) -> Assignment:
    """One source for each contract table, each source once, the likeliest first."""
    found = []
    for place, source in enumerate(sources):
        for rank, table in enumerate(source_contract().values()):
            likely = _table_score(source, fields[source.name], table)
            if likely:
                found.append((likely, -place, -rank, source, table.name))
    taken: dict[str, Source] = {}
    resembles: dict[str, str] = {}
    for *_, source, table in sorted(found, key=lambda each: each[:3], reverse=True):
        resembles.setdefault(source.name, table)
        if table not in taken and source not in taken.values():
            taken[table] = source
    left = tuple((s, resembles.get(s.name)) for s in sources if s not in taken.values())
    return Assignment({table: taken[table] for table in source_contract() if table in taken}, left)


def _table_score(source: Source, fields: list[Field], table: Table) -> float:
    """How likely the source is the table's, 0 where it is not."""
    words = table_words()[table.name]
    called = concepts(source.name)
    named = 1.5 if source.name.lower() == table.name else likeness(called, words.files, frozenset())
    known = [concept for concept in called if not concept.startswith("?")]
    if named < 1.5 and known and known[-1] in words.means:
        named += 0.2
    matches = assign(fields, table)
    required = [column.name for column in table.columns if column.required]
    coverage = sum(matches[name].score for name in required if name in matches) / len(required)
    is_named = named >= 0.6 and matches
    is_telling = coverage >= _TELLING.get(table.name, 2)
    if not is_named and not is_telling:
        return 0.0
    return named + coverage + 0.02 * len(matches)
