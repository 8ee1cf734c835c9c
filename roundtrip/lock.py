"""One run at a time in a home, one publication at a time, and one move of the champion at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from roundtrip.errors import Locked
from roundtrip.home import Home


@contextmanager
def one_run_at_a_time(home: Home) -> Iterator[None]:
    """Hold the home's run lock. The kernel drops it when the process ends, however it ends.

    Raises:
        Locked: another run holds it; the message names its process.
    """
    with _held(
        home.lock_file,
        f"a run is going on in {home.root}",
        "wait for it to end; `roundtrip status` shows how far it is",
    ):
        yield


@contextmanager
def one_publication_at_a_time(home: Home) -> Iterator[None]:
    """Hold the lock of published/: Airflow's tasks publish without the run lock, and somebody may roll back.

    Raises:
        Locked: another process is replacing the published warehouse; the message names it.
    """
    with _held(
        home.publication_lock_file,
        f"the published warehouse in {home.published_dir} is being replaced",
        "wait for it to end, and run the same command again",
    ):
        yield


@contextmanager
def one_champion_at_a_time(home: Home) -> Iterator[None]:
    """Hold the lock of the alias `champion`: a training may promote while somebody rolls back.

    Raises:
        Locked: another process is moving it; the message names it.
    """
    with _held(
        home.champions_lock_file,
        f"the champion of {home.mlflow_dir} is being changed",
        "wait for it to end, and run the same command again",
    ):
        yield


@contextmanager
def _held(lock_file: Path, busy: str, hint: str) -> Iterator[None]:
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Locked(f"{busy} (process {file.read().strip() or 'unknown'})", hint) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
