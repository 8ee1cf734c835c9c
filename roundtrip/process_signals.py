"""Being told to end, as an exception."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def ending_on_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit, so that what was started is stopped on the way out.

    Only where either would end the process: what somebody ignores (nohup) or handles stays with them, and
    Python lets no thread but the main one handle signals.
    """

    def end(number, _frame):
        raise SystemExit(128 + number)

    taken = []
    if threading.current_thread() is threading.main_thread():
        ending = (signal.SIGTERM, signal.SIGHUP)
        taken = [number for number in ending if signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
