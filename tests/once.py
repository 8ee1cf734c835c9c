"""What is dear to make and only read: made by the first test process that wants it, for all of them."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, filled by `make(folder)` unless another process of this run has done it.

    Whoever comes while it is being made waits. A failure leaves no mark, and is met by everybody.
    """
    base = tmp_path_factory.getbasetemp()
    # Processes that run side by side have their base folders in one of their own.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = shared / f"once-{name}", shared / f"once-{name}.done"
    with (shared / f"once-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(folder)
            done.touch()
    return folder
