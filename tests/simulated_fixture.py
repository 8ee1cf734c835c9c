"""What a simulated company delivered, as tests want to see it: bytes, lines, and rows as they were meant."""

import csv
from pathlib import Path

import duckdb
import pandas as pd

from roundtrip.contract import source_contract

#: Makes what is rare happen often enough for a few hundred customers.
EVENTFUL = """\
arrivals:
  second_account: 0.15
  second_account_after_months: 3
leaving:
  asks_for_erasure_when_gone: 0.10
people:
  moves_house: 0.02
service:
  question: 0.15
  first_response_hours: {median: 30, sigma: 0.9}
  resolution_days: {median: 12, sigma: 0.9}
"""


def files(folder: Path) -> dict[str, bytes]:
    """Content by relative path; without the lock, which is empty and tells nothing."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }


def delivered(folder: Path) -> dict[str, bytes]:
    """The same, without the truth."""
    return {name: content for name, content in files(folder).items() if not name.startswith("truth/")}


def ledger(landing: Path) -> pd.DataFrame:
    return pd.read_csv(landing / "truth" / "defects.csv", dtype={"line": int}, keep_default_na=False)


def lines(landing: Path, table: str) -> list[tuple[str, int, list[str]]]:
    """(month of the file, line, cells) of every line but the headers; no cell holds a line feed."""
    found = []
    for file in sorted((landing / table).iterdir()):
        for number, text in enumerate(file.read_text(encoding="utf-8").split("\n")[1:-1], start=2):
            found.append((file.stem[-len("2025-01") :], number, next(csv.reader([text]))))
    return found


def as_meant(landing: Path) -> duckdb.DuckDBPyConnection:
    """Every row as the company meant it: planted defects are mended by what the ledger says was intended.

    For each contract table, `<table>_versions` has all versions of all rows, as texts, with `file_month` and
    `planted` (the kind, where the line is in the ledger); `<table>` has the newest version of each row.
    Repeated and outdated lines are left out, and those that cannot be read.
    """
    connection = duckdb.connect(config={"threads": 2})
    planted = {(entry.file, entry.line): entry for entry in ledger(landing).itertuples()}
    for name, table in source_contract().items():
        columns = table.column_names
        rows = []
        for month, number, cells in lines(landing, name):
            entry = planted.get((f"{name}/{name}-{month}.csv", number))
            if entry and entry.kind in ("duplicate_row", "late_correction", "ragged_line"):
                continue
            if entry and entry.column:
                cells[columns.index(entry.column)] = entry.intended
            rows.append([*(cell or None for cell in cells), month, entry.kind if entry else None])
        # DuckDB finds the frame by its name.
        frame = pd.DataFrame(rows, columns=[*columns, "file_month", "planted"], dtype="string")  # noqa: F841
        connection.execute(f"CREATE TABLE {name}_versions AS FROM frame")
        key = ", ".join(table.key)
        order = "updated_at DESC NULLS LAST, " if "updated_at" in columns else ""
        connection.execute(
            f"CREATE TABLE {name} AS SELECT * FROM {name}_versions "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order} file_month DESC) = 1"
        )
    return connection
