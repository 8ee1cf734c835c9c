"""One run at a time in a home."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from roundtrip.errors import Locked
from roundtrip.home import Home


@contextmanager
def one_run_at_a_time(home: Home) -> Iterator[None]:
    """Hold the home's run lock. The kernel drops it when the process ends, however it ends.

    Raises:
        Locked: another run holds it; the message names its process.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    with home.lock_file.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Locked(
                f"a run is going on in {home.root} (process {file.read().strip() or 'unknown'})",
                "wait for it to end; `roundtrip status` shows how far it is",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
