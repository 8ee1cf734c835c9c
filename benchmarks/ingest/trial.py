"""What becomes of spoiled files: many are read and loaded at once, and each line of each is looked for.

The judge counts lines with means of its own (Python's csv reader), never with those of the reading.
"""

import csv
import gzip
import io
import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet

from benchmarks.ingest.mutants import TABLES, Mutant
from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.errors import RoundtripError
from roundtrip.home import Home
from roundtrip.ingest import delivered, load, read_files, stage
from roundtrip.ingest.landing import LandingFile, files_in

AS_OF = date(2025, 6, 30)
CLEAN, SORTED, REFUSED, BROKEN = "all loaded", "some quarantined", "file refused", "RULE BROKEN"
OUTCOMES = (CLEAN, SORTED, REFUSED, BROKEN)
_SOUND = {
    "customers": {"customer_id": "c1", "registered_at": "2024-01-01"},
    "bookings": {
        "booking_id": "sound",
        "customer_id": "c1",
        "booked_at": "2024-01-01",
        "service_line": "car",
        "status": "completed",
    },
}
_BLANK = b" \t\r\n"


@dataclass
class Trial:
    """Outcome per mutant, and what is wrong with those of the outcome BROKEN."""

    outcomes: list[str]
    faults: dict[int, str] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)


def run(mutants: list[Mutant]) -> Trial:
    """Read and load all of them as one delivery, without those that are refused."""
    with tempfile.TemporaryDirectory(prefix="roundtrip-mutants-") as scratch:
        return _run(mutants, Path(scratch))


def _run(mutants: list[Mutant], scratch: Path) -> Trial:
    landing, home = scratch / "landing", Home(scratch / "home")
    trial = Trial([BROKEN] * len(mutants))
    names = {_name(place, mutant): place for place, mutant in enumerate(mutants)}
    for table in TABLES:
        (landing / table).mkdir(parents=True)
    for name, place in names.items():
        (landing / name).write_bytes(mutants[place].content)
    # Both required tables have a sound row, whatever becomes of the rest.
    for table, row in _SOUND.items():
        (landing / table / "0.jsonl").write_text(json.dumps(row) + "\n")
    _turn_away(landing, names, trial, scratch)
    Company.describe(landing, None).save(home)
    batch_id = _read(home, landing, names, trial)
    if batch_id is None:
        return trial
    gate = home.gates_dir / "landing" / f"{AS_OF}.json"
    gate.parent.mkdir(parents=True)
    gate.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    lines = _accounted_lines(home)
    counts = load(home, AS_OF)["tables"]
    _judge_account(home, counts, trial)
    for name, place in names.items():
        if (landing / name).exists():
            found = lines.get(name, Lines())
            if fault := fault_of(mutants[place], found):
                trial.faults[place] = fault
            else:
                trial.outcomes[place] = SORTED if found.refused else CLEAN
    return trial


def _name(place: int, mutant: Mutant) -> str:
    return f"{mutant.table}/m{place:04d}{mutant.suffix}"


def _turn_away(landing: Path, names: dict[str, int], trial: Trial, scratch: Path) -> None:
    """Take out the files that cannot be staged at all: one by one is quicker than by reading all again."""
    with duckdb.connect(config=duck.settings(scratch / "spill")) as connection:
        for table in TABLES:
            for file in files_in(landing / table, landing)[0]:
                try:
                    _stage(connection, source_contract()[table], file)
                except Exception as error:
                    _refuse(landing, file.name, names[file.name], error, trial)


def _stage(connection: duckdb.DuckDBPyConnection, table: Table, file: LandingFile) -> None:
    def select(columns: dict[str, str]) -> dict[str, str]:
        delivered.contract_columns(table, columns, file.name, {})
        return columns

    if file.content_hash:
        stage.stage_file(connection, file, "trial", select)


def _read(home: Home, landing: Path, names: dict[str, int], trial: Trial) -> str | None:
    """Read all files, taking out those that are refused one by one; the batch's id."""
    while True:
        try:
            return read_files(home, AS_OF)["batch_id"]
        except Exception as error:
            named = next((name for name in names if name in str(error) and (landing / name).exists()), None)
            if named is None:
                for name, place in names.items():
                    if (landing / name).exists():
                        trial.faults[place] = f"the batch was refused: {type(error).__name__}: {error}"
                return None
            _refuse(landing, named, names[named], error, trial)


def _refuse(landing: Path, name: str, place: int, error: Exception, trial: Trial) -> None:
    (landing / name).unlink()
    if isinstance(error, RoundtripError) and name in error.message and error.hint:
        trial.outcomes[place] = REFUSED
        trial.refusals[place] = error.message
    else:
        trial.faults[place] = f"{type(error).__name__}: {str(error)[:300]}"


@dataclass
class Lines:
    """Lines of one file in the batch: accepted row -> its key, and refused lines."""

    accepted: list[tuple[int, str]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    rows_in: int = 0


def _accounted_lines(home: Home) -> dict[str, Lines]:
    found: dict[str, Lines] = {}
    with duckdb.connect(str(home.batch_db), read_only=True) as batch:
        for file, rows_in in batch.execute("SELECT file, rows_in FROM batch_files").fetchall():
            found[file] = Lines(rows_in=rows_in)
        tables = {row[0] for row in batch.execute("SELECT table_name FROM batch_files").fetchall()}
        for table in sorted(tables):
            key = next(iter(TABLES[table]))
            for file, line, value in batch.execute(f"SELECT _file, _line, {key} FROM {table}").fetchall():
                found[file].accepted.append((line, value))
            for file, line in batch.execute(f"SELECT _file, _line FROM {table}__quarantine").fetchall():
                found[file].refused.append(line)
    return found


def _judge_account(home: Home, counts: dict, trial: Trial) -> None:
    """rows_in = loaded + quarantined + superseded, and what is said to be loaded is there."""
    with duckdb.connect(str(home.raw_db), read_only=True) as raw:
        for table, count in counts.items():
            stored = raw.execute(f"SELECT count(*) FROM raw.raw.{table}").fetchone()[0]
            kept = list((home.quarantine_dir / table).glob("*.parquet"))
            quarantined = sum(pyarrow.parquet.read_metadata(file).num_rows for file in kept)
            said = (count["loaded"], count["quarantined"])
            if count["rows_in"] != sum(said) + count["superseded"] or said != (stored, quarantined):
                trial.faults[-1] = (
                    f"{table}: {count}, but {stored} rows and {quarantined} refused rows are there"
                )


def fault_of(mutant: Mutant, lines: Lines) -> str | None:
    """What is wrong with the account of a file's lines; None if nothing is."""
    placed = Counter([line for line, _ in lines.accepted] + lines.refused)
    if twice := [line for line, times in placed.items() if times > 1]:
        return f"line {twice[0]} is accounted for twice"
    if placed.total() != lines.rows_in:
        return f"{lines.rows_in} rows came in, {placed.total()} lines are accounted for"
    if mutant.suffix != ".parquet":
        return _lost_or_misplaced(mutant, sorted(placed), lines)
    rows = pyarrow.parquet.read_metadata(io.BytesIO(mutant.content)).num_rows
    return None if set(placed) == set(range(1, rows + 1)) else f"{rows} rows, but lines {sorted(placed)}"


def _lost_or_misplaced(mutant: Mutant, placed: list[int], lines: Lines) -> str | None:
    """Every line that is not blank must be accounted for, or lie within a row of several lines."""
    physical = _physical_lines(mutant)
    is_json = mutant.suffix.startswith(".jsonl")
    first = 1 if is_json else 1 + _header_lines(physical)
    data = [n for n in range(first, len(physical) + 1) if physical[n - 1].strip(_BLANK)]
    # A line of carriage returns and white space may be taken for blank, or for wrong.
    doubtful = {n for n in lines.refused if 0 < n <= len(physical) and b"\r" in physical[n - 1]}
    if foreign := sorted(set(placed) - set(data) - doubtful):
        return f"line {foreign[0]} is accounted for, and is no line of data"
    accepted = dict(lines.accepted)
    for place, line in enumerate(placed):
        end = placed[place + 1] if place + 1 < len(placed) else len(physical) + 1
        rest = [n for n in data if line < n < end]
        segment = physical[line - 1 : end - 1]
        if rest and (is_json or not _is_one_record(segment, physical[0])):
            return f"line {rest[0]} is lost behind line {line}"
        key = accepted.get(line) or ""
        if key.isalnum() and key.isascii() and key.encode() not in b"\n".join(segment):
            return f"row {key} does not stand on line {line}"
    if missing := [n for n in data if not placed or n < placed[0]]:
        return f"line {missing[0]} is lost"
    return None


def _physical_lines(mutant: Mutant) -> list[bytes]:
    content = mutant.content
    if mutant.suffix.endswith(".gz"):
        content = gzip.decompress(content)
    elif mutant.suffix.endswith(".zst"):
        content = pyarrow.CompressedInputStream(pyarrow.BufferReader(content), "zstd").read()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = content.decode("utf-16", "replace").encode()
    return content.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def _records(lines: list[bytes], header: bytes):
    text = (line.decode("utf-8", "surrogateescape") + "\n" for line in lines)
    outside = b"".join(header.split(b'"')[::2])
    delimiter = max([",", ";", "\t", "|"], key=lambda d: outside.count(d.encode()))
    return csv.reader(text, delimiter=delimiter)


def _header_lines(physical: list[bytes]) -> int:
    reader = _records(physical, physical[0])
    next(reader)
    return reader.line_num


def _is_one_record(segment: list[bytes], header: bytes) -> bool:
    """Whether the lines are one row, and blank lines after it."""
    reader = _records(segment, header)
    next(reader)
    return not any(line.strip(_BLANK) for line in segment[reader.line_num :])
