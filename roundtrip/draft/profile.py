"""What the values of a column look like: how many, how different, of which shape, between which numbers."""

from dataclasses import dataclass, field, replace

import duckdb

from roundtrip.draft import shapes
from roundtrip.draft.reading import Source
from roundtrip.draft.sqltext import identifier
from roundtrip.draft.words import concepts
from roundtrip.ingest import sql

#: Columns with at most so many different values are listed with their counts: they may be codes.
MOST_CODES = 400
#: What systems write where there is no value.
_MISSING = ("null", "na", "n/a", "nan", "none", "-", "--", r"\n", "#n/a", "(null)", "<na>")

_TIME_WORDS = frozenset(
    ("when", "birth", "start", "end", "arrival", "created", "updated", "registered", "cancelled")
)


@dataclass(frozen=True)
class Field:
    """A column of a source, or several that belong together (year, month and day of one date).

    `sql` is its text in a SELECT over the source; `shapes` are shares of the filled values; `codes` the
    values with their counts where there are few; `made_of` the columns that it uses. `kind` is `column`, or
    what it was put together as: `date`, `sum`, `nights`, `rate`.
    """

    source: str
    name: str
    sql: str
    concepts: tuple[str, ...]
    rows: int
    filled: int
    distinct: int
    shapes: dict[str, float]
    codes: tuple[tuple[str, int], ...] = ()
    low: float | None = None
    high: float | None = None
    letters: float = 0.0
    chinese: float = 0.0
    day_first: float = 0.0
    month_first: float = 0.0
    made_of: tuple[str, ...] = ()
    kind: str = "column"
    notes: tuple[str, ...] = field(default=())

    @property
    def filled_share(self) -> float:
        return self.filled / self.rows if self.rows else 0.0

    @property
    def is_numeric(self) -> bool:
        return shapes.share(self.shapes, shapes.NUMBERS) >= 0.9

    @property
    def is_whole(self) -> bool:
        return self.shapes.get("integer", 0) + shapes.share(self.shapes, shapes.DIGITS) >= 0.99

    @property
    def is_named_as_date(self) -> bool:
        """The name speaks of time: without it a number is no date."""
        return bool(_TIME_WORDS & set(self.concepts))

    @property
    def is_date(self) -> bool:
        shape = shapes.main_date(self.shapes)
        return shape is not None and (shape not in shapes.DIGITS or self.is_named_as_date)

    @property
    def is_excel_date(self) -> bool:
        low, high = shapes.EXCEL_DAYS
        is_number = self.is_named_as_date and self.is_numeric and not self.is_date and self.low is not None
        return is_number and low <= self.low <= self.high <= high

    @property
    def is_unique(self) -> bool:
        return self.filled == self.rows > 0 and self.distinct == self.rows


def profile(connection: duckdb.DuckDBPyConnection, source: Source) -> list[Field]:
    """One field per column of the source, in the order of the file."""
    return [_field(connection, source, column, kind) for column, kind in source.columns.items()]


def _field(connection, source: Source, column: str, sql_type: str) -> Field:
    text = sql.name(column) if sql_type == "VARCHAR" else f"{sql.name(column)}::VARCHAR"
    shown = identifier(column) if sql_type == "VARCHAR" else f"{identifier(column)}::VARCHAR"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _values AS SELECT as_text({text}) AS t, count(*) AS n, "
        f"bool_or({text} <> as_text({text})) AS is_padded FROM {source.sample} GROUP BY t"
    )
    listed = ", ".join(sql.text(word) for word in _MISSING)
    markers = [
        row[0]
        for row in connection.execute(
            f"SELECT t FROM _values WHERE lower(t) IN ({listed}) ORDER BY t"
        ).fetchall()
    ]
    padded = connection.execute("SELECT coalesce(bool_or(is_padded), false) FROM _values").fetchone()[0]
    if padded:
        shown = f"trim({shown})"
    for marker in markers:
        shown = f"nullif({shown}, {sql.text(marker)})"
    out = ", ".join(sql.text(marker) for marker in markers) or "''"
    connection.execute(f"DELETE FROM _values WHERE t IS NULL OR t IN ({out})")
    notes = [f"{', '.join(sql.text(marker) for marker in markers)} taken as missing"] if markers else []
    return replace(_measured(connection, source, column, shown), made_of=(column,), notes=tuple(notes))


def _measured(connection, source: Source, name: str, shown: str) -> Field:
    """A field from the values and counts in `_values (t, n)`."""
    rows = connection.execute(f"SELECT count(*) FROM {source.sample}").fetchone()[0]
    filled, distinct, low, high, letters, chinese, day_first, month_first = connection.execute(
        r"""
        SELECT
            coalesce(sum(n), 0)::BIGINT, count(*), min(TRY_CAST(t AS DOUBLE)), max(TRY_CAST(t AS DOUBLE)),
            sum(length(t) * n) / sum(n),
            sum(n) FILTER (regexp_matches(t, '[\x{3400}-\x{9fff}]')) / sum(n),
            sum(n) FILTER (regexp_matches(t, '^(1[3-9]|2\d|3[01])[/.-]\d{1,2}[/.-]\d{4}')) / sum(n),
            sum(n) FILTER (regexp_matches(t, '^\d{1,2}[/.-](1[3-9]|2\d|3[01])[/.-]\d{4}')) / sum(n)
        FROM _values
        """
    ).fetchone()
    shares = {
        shape: count / filled
        for shape, count in connection.execute(
            "SELECT shape_of(t), sum(n)::BIGINT FROM _values GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
    }
    codes = (
        connection.execute("SELECT t, n FROM _values ORDER BY n DESC, t").fetchall()
        if 0 < distinct <= MOST_CODES
        else []
    )
    return Field(
        source.name, name, shown, concepts(name), rows, filled, distinct, shares, tuple(codes), low, high,
        float(letters or 0), float(chinese or 0), float(day_first or 0), float(month_first or 0),
    )  # fmt: skip


def measure(connection, source: Source, name: str, expression: str, **known) -> Field:
    """A field that is put together by `expression` over the source's columns."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _values AS SELECT t, count(*) AS n FROM "
        f"(SELECT as_text({expression}) AS t FROM {source.sample}) WHERE t IS NOT NULL GROUP BY t"
    )
    return replace(_measured(connection, source, name, expression), **known)


def is_unique(connection, source: Source, found: Field) -> bool:
    """Over all rows: every row has a value of its own."""
    if not found.is_unique:
        return False
    if source.one_in == 1:
        return True
    filled, distinct = connection.execute(
        f"SELECT count(v), count(DISTINCT v) FROM (SELECT as_text({found.sql}) AS v FROM {source.relation})"
    ).fetchone()
    return filled == distinct == source.rows


def share_known(connection, one: tuple[Source, Field], other: tuple[Source, Field]) -> float:
    """Share of the different values of one field that the other holds, over all rows."""
    (source, found), (there, known) = one, other
    return (
        connection.execute(
            f"SELECT count(k) / nullif(count(*), 0) FROM "
            f"(SELECT DISTINCT as_text({found.sql}) AS v FROM {source.relation}) "
            f"LEFT JOIN (SELECT DISTINCT as_text({known.sql}) AS k FROM {there.relation}) ON v = k "
            "WHERE v IS NOT NULL"
        ).fetchone()[0]
        or 0.0
    )
