"""Choosing rows by hash, and the lines, ledger entries and leftovers that follow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

from roundtrip.contract import source_contract
from roundtrip.errors import BadInput
from roundtrip.simulate import write
from roundtrip.simulate.defects import lines
from roundtrip.simulate.defects.catalogue import (
    CORRECTION,
    DUPLICATE,
    ENCODING,
    KINDS,
    LATE,
    LOADED,
    PLANTED,
    SUPERSEDED,
    Defect,
)
from roundtrip.simulate.dice import Dice

LEDGER_COLUMNS = ("table", "file", "line", "id", "kind", "expected", "column", "delivered", "intended")
_CARRIED_COLUMNS = ("number", "id", "kind", "month", "line")
#: Above this the company would be about its defects; below, no two defects of a table want the same row.
MAX_SHARE = 0.05

_YEAR = 12
#: One month a year in which a kind is planted even if no row drew it: 4..11, when a new company has rows.
_SURE_MONTH = {kind: 4 + place for place, kind in enumerate(KINDS)}
#: Only some tickets and surveys have a Chinese text, so a small company needs more than one chance.
_SURE_EVERY = dict.fromkeys(KINDS, _YEAR) | {ENCODING: 6}
_SURE_FROM_ROWS = 3
#: So many rows are looked at for one that fits.
_CANDIDATES = 64


@dataclass(frozen=True)
class Planted:
    """What becomes of one month of a table.

    Attributes:
        keep: bool per row of the frame; these are written as they are, in their order.
        appended: lines (UTF-8, without line feed) that follow them in the file.
        ledger: LEDGER_COLUMNS; one row a defect that stands in this file.
        carried: for `Planter.split` of the next month; plain numbers and texts, so it can be stored.
    """

    keep: np.ndarray
    appended: list[bytes]
    ledger: pd.DataFrame
    carried: pd.DataFrame


@dataclass(frozen=True)
class _Chosen:
    """A row of the frame with its defect: `row` as it should be, `changed` as it is delivered."""

    position: int
    defect: Defect
    row: lines.Row
    changed: lines.Row


def nothing_carried() -> pd.DataFrame:
    """What is carried into the first month."""
    return _frame([], _CARRIED_COLUMNS, whole_numbers="number")


class Planter:
    """Plants defects of all tables, month by month; a row's defect depends on seed, table, month and id.

    Args:
        shares: kind (of KINDS) -> share of a table's rows, 0..MAX_SHARE; 0 or absent: not at all. A defect
            that does not fit a row drawn for it leaves the row as it is.
        connection: of write.open_connection(); used in the thread that calls `split`.

    Raises:
        BadInput: an unknown kind, or a share outside.
    """

    def __init__(self, shares: Mapping[str, float], dice: Dice, connection: duckdb.DuckDBPyConnection):
        for kind, share in shares.items():
            if kind not in KINDS:
                raise BadInput(f"defects: there is no kind {kind}", f"known are {', '.join(KINDS)}")
            if not 0 <= share <= MAX_SHARE:
                raise BadInput(f"defects: the share of {kind} is {share}", f"give 0 to {MAX_SHARE}")
        self._shares, self._dice, self._connection = dict(shares), dice, connection

    def split(
        self, table: str, month: int, label: str, frame: pd.DataFrame, carried: pd.DataFrame | None = None
    ) -> Planted:
        """Which rows of a month's frame are written clean, and what is written below them.

        A late row, a correction or a repetition is carried into the next month, and dropped where the row has
        changed by then and comes again, clean: behind its own new version it could win. The ledger names a
        late row where it arrives (`delivered` and `intended` are months), a corrected one where it stands
        wrong; the latter is superseded as soon as the next month is there, too.

        Args:
            month: counted from 0, the first of the history.
            label: the month in the file's name, such as 2025-03.
            frame: as write.write_csv takes it; texts without line breaks. Ids are unique within the frame.
            carried: the `carried` of the same table's month before.
        """
        keep = np.ones(len(frame), dtype=bool)
        if table not in PLANTED:
            return Planted(keep, [], _ledger([]), nothing_carried())
        key = source_contract()[table].key[0]
        numbers = frame[key].to_numpy(np.int64)
        chosen = self._choose(table, month, numbers, frame)
        keep[[c.position for c in chosen if c.defect.kind != DUPLICATE]] = False

        month_file = _MonthFile(table, write.file_name(table, label), 2 + int(keep.sum()))
        leftovers = []
        if carried is not None:
            has_changed = np.isin(carried["number"].to_numpy(np.int64), numbers[keep])
            for left in carried[~has_changed].itertuples(index=False):
                month_file.add_carried(left, label)
        delayed = self._delayed(chosen, month, numbers)
        for c in chosen:
            is_delayed = c.position in delayed
            if not is_delayed:
                month_file.add(c, c.row[key])
            if is_delayed or c.defect.kind == CORRECTION:
                number = int(numbers[c.position])
                leftovers.append((number, c.row[key], c.defect.kind, label, lines.whole(c.row)))
        return Planted(
            keep,
            month_file.appended,
            _ledger(month_file.ledger),
            _frame(leftovers, _CARRIED_COLUMNS, whole_numbers="number"),
        )

    def _choose(self, table: str, month: int, numbers: np.ndarray, frame: pd.DataFrame) -> list[_Chosen]:
        """Every defect of a table has a slot of its own in [0, 1) and takes the rows that draw its beginning.

        So one draw a row is enough, no row gets two defects, and none changes when a kind is switched off.
        """
        defects = PLANTED[table]
        drawn = self._dice.unit(f"defects.{table}", month, numbers) * len(defects)
        per_kind = {kind: sum(defect.kind == kind for defect in defects) for kind in KINDS}
        width = np.array([self._share(d.kind) / per_kind[d.kind] * len(defects) for d in defects])
        slot = np.minimum(drawn.astype(np.int8), len(defects) - 1)
        positions = np.flatnonzero(drawn - slot < width[slot])
        wanted = [(int(position), defects[slot[position]]) for position in positions]
        chosen = {c.position: c for c in self._fitting(table, frame, wanted)}
        for kind in KINDS:
            is_sure = month % _SURE_EVERY[kind] == _SURE_MONTH[kind] % _SURE_EVERY[kind]
            is_there = any(c.defect.kind == kind for c in chosen.values())
            if is_sure and not is_there and self._share(kind) and len(frame) >= _SURE_FROM_ROWS:
                for c in self._nearest(table, kind, month, drawn, chosen, frame):
                    chosen[c.position] = c
        return [chosen[position] for position in sorted(chosen)]

    def _delayed(self, chosen: list[_Chosen], month: int, numbers: np.ndarray) -> set[int]:
        """Positions of rows that come next month: late rows, and half of the repetitions."""
        repeated = np.array([c.position for c in chosen if c.defect.kind == DUPLICATE], dtype=np.int64)
        is_late = self._dice.unit("defects.next_month", month, numbers[repeated]) < 0.5
        return {c.position for c in chosen if c.defect.kind == LATE} | set(repeated[is_late].tolist())

    def _share(self, kind: str) -> float:
        return self._shares.get(kind, 0)

    def _fitting(
        self, table: str, frame: pd.DataFrame, wanted: list[tuple[int, Defect]]
    ) -> Iterator[_Chosen]:
        texts = write.as_text(self._connection, frame.iloc[[position for position, _ in wanted]], table)
        for (position, defect), row in zip(wanted, texts.to_dict("records"), strict=True):
            changed = defect.change(row)
            if changed is not None:
                yield _Chosen(position, defect, row, changed)

    def _nearest(self, table, kind, month, drawn, chosen, frame) -> list[_Chosen]:
        """At most one: the fitting row whose number is the next above the slot of a defect of this kind."""
        defects = PLANTED[table]
        slots = [slot for slot, defect in enumerate(defects) if defect.kind == kind]
        turn = month // _SURE_EVERY[kind] % max(len(slots), 1)
        for slot in slots[turn:] + slots[:turn]:
            distance = (drawn - slot) % len(defects)
            distance[list(chosen)] = np.inf
            count = min(_CANDIDATES, len(distance))
            nearest = np.argpartition(distance, count - 1)[:count]
            nearest = nearest[np.argsort(distance[nearest], kind="stable")]
            wanted = [(int(position), defects[slot]) for position in nearest if position not in chosen]
            for c in self._fitting(table, frame, wanted):
                return [c]
        return []


class _MonthFile:
    """The lines below the clean ones, and their ledger."""

    def __init__(self, table: str, file: str, next_line: int):
        self._table, self._file, self._next_line = table, file, next_line
        self.appended: list[bytes] = []
        self.ledger: list[tuple] = []

    def add(self, c: _Chosen, row_id: str) -> None:
        column = c.defect.column
        values = (column, c.changed[column], c.row[column]) if column else ("", "", "")
        self._note(row_id, c.defect.kind, c.defect.expected, *values)
        self._append(c.defect.line(c.changed))

    def add_carried(self, left, label: str) -> None:
        if left.kind == LATE:
            self._note(left.id, LATE, LOADED, "", label, left.month)
        elif left.kind == DUPLICATE:
            self._note(left.id, DUPLICATE, SUPERSEDED, "", "", "")
        self._append(left.line)

    def _note(self, row_id: str, kind: str, expected: str, column: str, delivered: str, intended: str):
        self.ledger.append(
            (self._table, self._file, self._next_line, row_id, kind, expected, column, delivered, intended)
        )

    def _append(self, line: str) -> None:
        self.appended.append(line.encode())
        self._next_line += 1


def _ledger(rows: list[tuple]) -> pd.DataFrame:
    return _frame(rows, LEDGER_COLUMNS, whole_numbers="line")


def _frame(rows: list[tuple], columns: tuple[str, ...], whole_numbers: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
    # Not by astype, which copies column by column: a history needs a thousand of these small frames.
    frame[whole_numbers] = frame[whole_numbers].to_numpy(np.int64)
    return frame
