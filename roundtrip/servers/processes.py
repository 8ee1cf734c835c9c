"""Starting a server detached, recognising it later, and stopping it with everything it started."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from roundtrip.home import PROJECT_ROOT
from roundtrip.servers.records import Record

#: In the environment of every process that `up` starts; its children inherit it.
MARKER = "ROUNDTRIP_SERVER_ID"

#: The boot time from which Linux derives creation times moves when the clock is set.
CREATION_TOLERANCE_S = 2.0


def resolved(argv: Sequence[str]) -> list[str]:
    """The argv with its program taken from the Python environment that runs us."""
    program = Path(sys.executable).parent / argv[0]
    return [str(program if program.exists() else argv[0]), *argv[1:]]


def start(argv: Sequence[str], environment: Mapping[str, str], server_id: str, log: Path) -> psutil.Process:
    """Start a process in a session of its own, writing to `log` (the last one is kept beside it)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        os.replace(log, log.with_suffix(".previous.log"))
    # SPT_NOENV: Airflow renames its processes, and would overwrite the marker with the new name.
    full = {**environment, MARKER: server_id, "SPT_NOENV": "1", "PYTHONUNBUFFERED": "1"}
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        started = subprocess.Popen(
            resolved(argv),
            env=full,
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Somebody else's child from here on: `up` ends, the server stays.
    started.returncode = 0
    return psutil.Process(started.pid)


def leader(record: Record) -> psutil.Process | None:
    """The recorded process if it still runs; never another one that got its pid."""
    if record.pid is None or record.process_created_at is None:
        return None
    try:
        process = psutil.Process(record.pid)
        if abs(process.create_time() - record.process_created_at) > CREATION_TOLERANCE_S:
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def members(record: Record) -> set[psutil.Process]:
    """Every living process of a server: the one started, its descendants, and orphans with its marker."""
    found = set()
    first = leader(record)
    if first is not None:
        found.add(first)
        with contextlib.suppress(psutil.NoSuchProcess):
            found.update(first.children(recursive=True))
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == record.server_id:
                found.add(process)
        except (psutil.Error, OSError):
            continue
    return {process for process in found if is_alive(process)}


def ask_to_end(record: Record) -> None:
    """Send TERM to the recorded process, if it still runs, and do not wait."""
    if (first := leader(record)) is not None:
        _signal(first, "terminate")


def stop(record: Record, patience_s: float = 20.0) -> int:
    """Ask the server to end, wait, and kill what is left of it.

    Returns:
        How many processes it had.
    """
    seen = members(record)
    first = leader(record)
    # The first one ends its children in its own order; only where it is gone are they asked directly.
    for process in [first] if first is not None else list(seen):
        _signal(process, "terminate")
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        living = [process for process in seen if is_alive(process)]
        if not living:
            break
        psutil.wait_procs(living, timeout=0.3)
        if first is not None and not is_alive(first):
            for process in living:
                if process != first:
                    _signal(process, "terminate")
            first = None
    # Looked up again: a child may have been started while its parent was ending.
    left = {process for process in seen if is_alive(process)} | members(record)
    for process in left:
        _signal(process, "kill")
    psutil.wait_procs(list(left), timeout=5)
    return len(seen | left)


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie, which waits only for its parent to notice, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, what: str) -> None:
    # psutil compares the creation time before it sends, so a reused pid gets nothing.
    with contextlib.suppress(psutil.NoSuchProcess):
        getattr(process, what)()
