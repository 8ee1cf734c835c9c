"""Opening DuckDB files the same way everywhere: bounded memory, spilling, UTC, clear lock errors."""

import os
import re
from pathlib import Path

import duckdb

from roundtrip.errors import Locked

#: With dbt and what DuckDB does not count a build stays below 4 GB; more rows spill to disk instead.
DEFAULT_MEMORY_LIMIT = "2800MB"
#: Of every session of ours: one time zone on any machine, and no bar of DuckDB's across our own or in a log.
SESSION = "SET TimeZone = 'UTC'; SET enable_progress_bar = false"
#: Errors about names. All others may quote a value.
_ABOUT_NAMES = ("Binder Error", "Catalog Error", "Parser Error", "IO Error", "Out of Memory Error")
#: From the first quote to the last of its kind: a value may hold quotes itself (O'Brien).
_QUOTED = re.compile(r"(['\"]).*\1")


def settings(tmp_dir: Path) -> dict[str, str]:
    """DuckDB settings for any connection of ours (also written into the dbt profile)."""
    return {
        "memory_limit": os.environ.get("ROUNDTRIP_MEMORY_LIMIT", DEFAULT_MEMORY_LIMIT),
        "temp_directory": str(tmp_dir),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }


def connect(path: Path, tmp_dir: Path, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to `path` in UTC.

    Raises:
        Locked: another process holds the file; the message names its process id.
    """
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    tmp_dir.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=settings(tmp_dir))
    except duckdb.IOException as error:
        if "lock" not in str(error):
            raise
        holder = re.search(r"PID (\d+)", str(error))
        who = f"process {holder.group(1)}" if holder else "another process"
        raise Locked(
            f"{path} is held by {who}",
            "wait for it to end, or end it, and run the same command again",
        ) from error
    connection.execute(SESSION)
    return connection


def without_values(error: BaseException | str) -> str:
    """The first line of an error, without quoted values where they may be somebody's.

    Errors about names of columns and files say nothing about rows, and are worth nothing without the name.
    """
    text = str(error).strip()
    first = text.splitlines()[0] if text else type(error).__name__
    kind = re.split(r"['\"]", first)[0]
    if " Error: " in first and not any(name in kind for name in _ABOUT_NAMES):
        return _QUOTED.sub("'…'", first)
    return first
