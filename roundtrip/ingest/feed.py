"""Handing a text to DuckDB through a named pipe: it is never written to a disk, and never whole in memory."""

import errno
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_WAIT_SECONDS = 0.005


@contextmanager
def pipe(chunks: Iterable[bytes]) -> Iterator[Path]:
    """A path that can be opened and read once.

    Raises:
        Exception: whatever `chunks` raised, once the reader is done with what came before.
    """
    # Not in the home: whoever walks through its files would wait at this one for ever.
    with tempfile.TemporaryDirectory(prefix="roundtrip-feed-") as folder:
        path = Path(folder) / "text"
        os.mkfifo(path, 0o600)
        feeder = _Feeder(path, chunks)
        feeder.start()
        try:
            yield path
        finally:
            feeder.give_up()
            feeder.join()
        if feeder.error is not None:
            raise feeder.error


class _Feeder(threading.Thread):
    def __init__(self, path: Path, chunks: Iterable[bytes]):
        super().__init__(name="roundtrip-feed", daemon=True)
        self._path, self._chunks, self._is_over = path, chunks, threading.Event()
        self.error: BaseException | None = None

    def give_up(self) -> None:
        """Nobody reads any more, or ever did."""
        self._is_over.set()

    def run(self) -> None:
        descriptor = self._opened()
        if descriptor is None:
            return
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            try:
                for chunk in self._chunks:
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[stream.write(rest) :]
            except BrokenPipeError:
                # The reader has refused the rest, and says why itself.
                pass
            except BaseException as error:
                self.error = error

    def _opened(self) -> int | None:
        """Open for writing as soon as somebody reads; a blocking open would wait for ever if nobody does."""
        while True:
            try:
                return os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    self.error = error
                    return None
            if self._is_over.wait(_WAIT_SECONDS):
                return None
