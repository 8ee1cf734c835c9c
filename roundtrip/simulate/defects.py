"""Defects planted in the finished files, each with a row in the ledger truth/defects.csv.

Planted on the lines of a written file, as they would come from another system: nothing before this point
knows of them, so the world and its truth stay whole. Two kinds lose no information (the pipeline must keep
one version and count the other as superseded); the others make a row unusable (it must be quarantined).
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.randomness import Streams

SUPERSEDED, QUARANTINED = "superseded", "quarantined"
LEDGER_COLUMNS = ("table", "file", "line", "id", "kind", "expected", "column", "delivered", "intended")


@dataclass(frozen=True)
class Damage:
    """One way to spoil a value: which kind, which column, and what is delivered instead of it."""

    kind: str
    column: str
    spoil: Callable[[dict], str]


def _earlier(days: int, of: str) -> Callable[[dict], str]:
    return lambda row: f"{np.datetime64(row[of][:10]) - days}"


#: What is planted where. A broken customer would drag all bookings along, so customers are only repeated.
PLANTED: dict[str, tuple[Damage, ...]] = {
    "customers": (),
    "bookings": (
        Damage("broken_date", "booked_at", lambda row: row["booked_at"][:5] + "02-30T25:61:00Z"),
        Damage("broken_date", "travel_end", _earlier(3, "travel_start")),
        Damage("missing_reference", "customer_id", lambda row: "C9" + row["customer_id"][2:]),
        Damage("outside_domain", "status", lambda row: "done"),
        Damage("outside_domain", "service_line", lambda row: "boat"),
        Damage("outside_domain", "travellers", lambda row: "0"),
        Damage("outside_domain", "discount_amount", lambda row: f"{float(row['gross_amount']) + 1:.2f}"),
    ),
    "web_events": (
        Damage("broken_date", "occurred_at", lambda row: row["occurred_at"].replace("-", "/")[:7] + "/31 ?"),
        Damage("missing_reference", "customer_id", lambda row: "C9" + row["customer_id"][2:]),
        Damage("outside_domain", "event_type", lambda row: "hover"),
    ),
    "support_tickets": (
        Damage("broken_date", "opened_at", lambda row: "0000-00-00T00:00:00Z"),
        Damage("outside_domain", "severity", lambda row: "9"),
    ),
    "surveys": (
        Damage("outside_domain", "score", lambda row: "11"),
        Damage("missing_reference", "customer_id", lambda row: "C9" + row["customer_id"][2:]),
    ),
    "loyalty_ledger": (Damage("outside_domain", "entry_type", lambda row: "bonus"),),
    "campaign_touches": (
        Damage("missing_reference", "campaign_id", lambda row: "K999"),
        Damage("outside_domain", "arm", lambda row: "placebo"),
    ),
}
#: The one line whose quotes were lost, so that it has more fields than the header.
RAGGED_TABLE = "support_tickets"


def plant(folder: Path, streams: Streams) -> pd.DataFrame:
    """Spoil the files of a landing folder in place.

    Args:
        folder: holds `<table>/<table>.csv`, clean, with CSV texts of one line each.

    Returns:
        The ledger: LEDGER_COLUMNS, one row a defect; `line` is the line of the file that is wrong or
        superfluous (the header is line 1).
    """
    ledger = []
    for table, damages in PLANTED.items():
        file = folder / table / f"{table}.csv"
        ledger += _plant_in(file, table, damages, streams[f"defects.{table}"])
    return pd.DataFrame(ledger, columns=LEDGER_COLUMNS)


def _plant_in(file: Path, table: str, damages: tuple[Damage, ...], rng: np.random.Generator) -> list[dict]:
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    free = list(rng.permutation(len(lines)))
    found: list[tuple[int | str, dict]] = []
    extra: list[tuple[int, str]] = []

    def take(kind: str, fits: Callable[[dict], bool] = lambda row: True) -> list[int]:
        wanted = max(1, round(p.DEFECT_SHARES[kind] * len(lines)))
        taken = []
        for position in list(free):
            if len(taken) == wanted:
                break
            if fits(_row(columns, lines[position])):
                taken.append(position)
                free.remove(position)
        return taken

    def note(kind, expected, row, column="", delivered="", where=None):
        entry = {
            "table": table, "file": f"{table}/{table}.csv", "id": row[columns[0]], "kind": kind,
            "expected": expected, "column": column, "delivered": delivered, "intended": row.get(column, ""),
        }  # fmt: skip
        found.append((where, entry))

    for position in take("duplicate_row"):
        extra.append((int(rng.integers(position + 1, len(lines) + 1)), lines[position]))
        note("duplicate_row", SUPERSEDED, _row(columns, lines[position]), where=f"extra {len(extra) - 1}")
    if "updated_at" in columns:
        for position in take("late_correction", lambda row: row["updated_at"] > row[_started(table)]):
            row = _row(columns, lines[position])
            stale = _before_correction(table, row)
            column = "status" if table == "bookings" else "city"
            extra.append((int(rng.integers(0, len(lines) + 1)), _line(columns, stale)))
            note("late_correction", SUPERSEDED, row, column, stale[column], where=f"extra {len(extra) - 1}")
    for damage in damages:
        for position in take(damage.kind, lambda row, c=damage.column: row[c] != ""):
            row = _row(columns, lines[position])
            spoiled = damage.spoil(row)
            lines[position] = _line(columns, row | {damage.column: spoiled})
            note(damage.kind, QUARANTINED, row, damage.column, spoiled, where=int(position))
    if table == RAGGED_TABLE:
        candidates = [i for i in free if ", " in _row(columns, lines[i])["text"]][:1]
        for position in candidates:
            row = _row(columns, lines[position])
            lines[position] = ",".join(row.values())
            note("ragged_line", QUARANTINED, row, "text", "its quotes were lost", where=int(position))

    order = np.argsort(
        np.concatenate([np.arange(len(lines)) + 0.5, np.array([at for at, _ in extra], dtype=float)]),
        kind="stable",
    )
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    everything = lines + [line for _, line in extra]
    file.write_text("\n".join([header, *(everything[i] for i in order)]) + "\n", encoding="utf-8")
    for where, entry in found:
        at = where if isinstance(where, int) else len(lines) + int(where.split()[1])
        entry["line"] = int(place[at]) + 2
    return [entry for _, entry in found]


def _started(table: str) -> str:
    return "booked_at" if table == "bookings" else "registered_at"


def _before_correction(table: str, row: dict) -> dict:
    """The version that had been delivered first: a booking still open, a customer in another town."""
    stale = row | {"updated_at": row[_started(table)]}
    if table == "bookings":
        return stale | {"status": "confirmed", "cancelled_at": ""}
    return stale | {"city": "Wuhan" if row["city"] != "Wuhan" else "Tianjin"}


def _row(columns: list[str], line: str) -> dict:
    return dict(zip(columns, next(csv.reader([line])), strict=True))


def _line(columns: list[str], row: dict) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row[column] for column in columns)
    return out.getvalue()
