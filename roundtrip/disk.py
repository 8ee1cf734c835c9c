"""Saying plainly that the disk is full or a database file is damaged, whichever library met it."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from roundtrip.errors import DamagedFile, DiskFull, RoundtripError
from roundtrip.home import Home

#: The words of the operating system, DuckDB and SQLite (which only says that it could not write). A limit on
#: the size of files is as good as a full disk.
_FULL = re.compile(
    r"no space left on device|disk quota exceeded|file too large|database or disk is full|disk i/o error"
    r"|errno 28\b|errno 27\b|errno 122\b|max_temp_directory_size",
    re.IGNORECASE,
)
_DAMAGED = re.compile(
    r'Could not read enough bytes from file "([^"]+)"|"([^"]+)" exists, but it is not a valid'
)
_DAMAGED_SQLITE = ("file is not a database", "database disk image is malformed")


def explained(error: BaseException, home: Home | None = None) -> RoundtripError | None:
    """What a user can act on, if the disk or a damaged file of the home is behind an error; else None.

    The first error may have been taken for another on its way up: a check that cannot spill looks broken, a
    transaction that cannot be rolled back hides why. So all that led to it are looked at.
    """
    if isinstance(error, DiskFull | DamagedFile):
        return None
    for each in _with_causes(error):
        if found := _FULL.search(str(each)):
            line = next(line for line in str(each).splitlines() if found.group() in line)
            return DiskFull(
                f"the disk is full, or cannot be written to: {line.strip()}",
                f"make room{_room(home)}, then run the same command again; the last publication stays",
            )
    for each in _with_causes(error) if home else ():
        file = _damaged(each, home)
        if file is not None:
            return DamagedFile(f"{file} is damaged: {str(each).splitlines()[0]}", _remedy(file, home))
    return None


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _room(home: Home | None) -> str:
    if home is None or not home.root.exists():
        return ""
    free = shutil.disk_usage(home.root).free / 2**30
    return f" where {home.root} is ({free:,.1f} GiB are free there)"


def _damaged(error: BaseException, home: Home) -> Path | None:
    # Here, since the DAG files are read often and must not load it.
    import duckdb

    if isinstance(error, duckdb.Error) and (found := _DAMAGED.search(str(error))):
        file = Path(found.group(1) or found.group(2))
        return file if home.root in file.parents and file.suffix in (".duckdb", ".parquet") else None
    if isinstance(error, sqlite3.DatabaseError) and str(error).startswith(_DAMAGED_SQLITE):
        return home.mlflow_dir / "mlflow.db"
    return None


def _remedy(file: Path, home: Home) -> str:
    remedies = {
        home.batch_db: "run read_files and landing_gate again: it holds nothing that the delivery does not",
        home.raw_db: "put it back from your backup; or move it and its quarantine away, and the next run "
        "reads everything in the landing folder again",
        home.work_db: "run build_warehouse and marts_gate again",
        home.current_db: "go back to a version that is whole: `roundtrip rollback` lists them",
        home.mlflow_dir / "mlflow.db": "put it back from your backup; or move it away: models are trained "
        "anew, and the record of earlier ones is lost",
    }
    return remedies.get(file, "put it back from your backup, or delete it and run the stage that writes it")
