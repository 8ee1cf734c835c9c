"""What shows that a task is done, and since when: the first date of each kind of evidence.

Evidence is read from what carries the date of its data: publications, results of gates, the record of
champions, products and rounds; never from a date after as_of.
"""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from ml.history import PROMOTED, moves
from roundtrip.home import Home
from roundtrip.products import newest
from roundtrip.rollout.holdout import has_effect_of_a_round
from roundtrip.rounds.store import rounds


def first_dates(
    connection: duckdb.DuckDBPyConnection, home: Home, as_of: date, published: set[str]
) -> dict[str, date | None]:
    """The first date up to `as_of` of every kind of names.EVIDENCE; None: none is there yet.

    Args:
        connection: of the published warehouse. published: names of its tables.
    """
    publications = _publications(connection, home, as_of, published)
    warned = _first(_days(home.products_dir / "warnings", "parquet", as_of), _has_rows(connection))
    measured = _first(
        _days(home.products_dir / "campaign_effects", "parquet", as_of),
        lambda file: has_effect_of_a_round(connection, file),
    )
    return {
        "first_publication": min(publications, default=None),
        "gates_passed": _gates_passed(home, as_of),
        "causes_published": _causes_published(connection, publications, published),
        "first_champion": min(
            (
                day
                for move in moves(home)
                if move.action == PROMOTED and (day := date.fromisoformat(move.as_of)) <= as_of
            ),
            default=None,
        ),
        "first_round_planned": min(
            (each.as_of for each in rounds(home) if each.as_of <= as_of), default=None
        ),
        "first_warnings": warned,
        "first_round_sent": _first_round_sent(connection, home, as_of),
        "first_effect_measured": measured,
        "round_after_evaluation": _round_after(home, measured, as_of),
    }


def _day(file: Path) -> date:
    return date.fromisoformat(file.stem)


def _days(folder: Path, suffix: str, as_of: date) -> list[Path]:
    """The files named by a date up to `as_of`, the oldest first."""
    return sorted(file for file in folder.glob(f"????-??-??.{suffix}") if file.stem <= as_of.isoformat())


def _first(files: list[Path], shows: Callable[[Path], bool]) -> date | None:
    return next((_day(file) for file in files if shows(file)), None)


def _has_rows(connection: duckdb.DuckDBPyConnection) -> Callable[[Path], bool]:
    def has_rows(file: Path) -> bool:
        (count,) = connection.execute("SELECT count(*) FROM read_parquet($f)", {"f": str(file)}).fetchone()
        return count > 0

    return has_rows


def _publications(
    connection: duckdb.DuckDBPyConnection, home: Home, as_of: date, published: set[str]
) -> dict[date, dict[str, int]]:
    """Dates that were published, with their rows by table: those kept, those on record, the present."""
    found: dict[date, dict[str, int]] = {}
    for file in sorted(home.versions_dir.glob("*.json")):
        lineage = json.loads(file.read_text(encoding="utf-8"))
        found.setdefault(date.fromisoformat(lineage["as_of"]), lineage.get("rows", {}))
    for file in sorted(home.runs_dir.glob("????-??-??/publish.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["status"] == "done":
            found.setdefault(date.fromisoformat(file.parent.name), record["summary"].get("rows", {}))
    if "warehouse_info" in published:
        (day,) = connection.execute("SELECT max(as_of_date) FROM marts.warehouse_info").fetchone()
        if day:
            found.setdefault(day, {"fct_churn": 1} if "fct_churn" in published else {})
    return {day: rows for day, rows in found.items() if day <= as_of}


def _causes_published(
    connection: duckdb.DuckDBPyConnection, publications: dict[date, dict[str, int]], published: set[str]
) -> date | None:
    """The first publication with losses, if any loss has a cause that is told from evidence."""
    if "fct_churn" not in published:
        return None
    (count,) = connection.execute("SELECT count(*) FROM marts.fct_churn WHERE cause <> 'unknown'").fetchone()
    days = [day for day, rows in publications.items() if rows.get("fct_churn")]
    return min(days, default=None) if count else None


def _gates_passed(home: Home, as_of: date) -> date | None:
    """The first date that passed both gates."""
    passed = [
        {
            _day(file)
            for file in _days(home.gates_dir / gate, "json", as_of)
            if json.loads(file.read_text(encoding="utf-8"))["success"]
        }
        for gate in ("landing", "published")
    ]
    return min(passed[0] & passed[1], default=None)


def _first_round_sent(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> date | None:
    file = newest(home, "interventions", as_of)
    if file is None:
        return None
    (sent_on,) = connection.execute(
        """
        SELECT CAST(min(sent_at) AS DATE) FROM read_parquet($file)
        WHERE status = 'sent' AND CAST(sent_at AS DATE) <= $as_of
        """,
        {"file": str(file), "as_of": as_of},
    ).fetchone()
    return sent_on


def _round_after(home: Home, measured_on: date | None, as_of: date) -> date | None:
    """The first round after the first evaluation that has another strategy table than the first round."""
    planned = [each for each in rounds(home) if each.as_of <= as_of]
    if measured_on is None or not planned:
        return None
    first = planned[0].plan["strategies"]["digest"]
    later = (each for each in planned if each.as_of > measured_on)
    return next((each.as_of for each in later if each.plan["strategies"]["digest"] != first), None)
