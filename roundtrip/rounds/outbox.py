"""The files that leave, one a channel, and the ledger of who has got what."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from roundtrip.errors import Locked
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.rounds.recipients import columns_of

FILES, WEBHOOK, POSTGRES = "files", "webhook", "postgres"


class Ledger:
    """Which receiver has said yes to which intervention. It names no customer."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection

    def delivered(self, receiver: str, round_id: str) -> set[str]:
        """Ids that a receiver has."""
        rows = self._connection.execute(
            "SELECT intervention_id FROM deliveries WHERE receiver = ? AND round_id = ?", (receiver, round_id)
        )
        return {row[0] for row in rows}

    def note(self, receiver: str, round_id: str, ids: Iterable[str]) -> None:
        """Write down that a receiver has them; again is no harm."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR IGNORE INTO deliveries (intervention_id, receiver, round_id) VALUES (?, ?, ?)",
                [(each, receiver, round_id) for each in ids],
            )


@contextmanager
def ledger(home: Home) -> Iterator[Ledger]:
    """The ledger of a home, made where there is none; whoever has it is the only one who sends.

    Raises:
        Locked: another process is sending.
    """
    _private(home.outbox_dir)
    lock = FileLock(home.outbox_dir / "ledger.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise Locked(
            f"another process is sending from {home.outbox_dir}",
            "wait for it to end, and run the stage act again",
        ) from error
    connection = sqlite3.connect(home.outbox_dir / "ledger.sqlite")
    try:
        # What is written down stays written down when the machine loses its power.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS deliveries (intervention_id TEXT, receiver TEXT, round_id TEXT, "
            "PRIMARY KEY (intervention_id, receiver))"
        )
        yield Ledger(connection)
    finally:
        connection.close()
        lock.release()


def file_of(home: Home, round_id: str, channel: str) -> Path:
    return home.outbox_dir / round_id / f"{channel}.csv"


def write_files(home: Home, round_id: str, messages: pd.DataFrame, book: Ledger) -> None:
    """One CSV file a channel, readable by the owner only, whole or absent.

    A file that is there is never written again: somebody may have taken it already.
    """
    for channel, rows in messages.groupby("channel", sort=True):
        file = file_of(home, round_id, channel)
        if not file.exists():
            _private(file.parent)
            text = rows[list(columns_of(channel))].to_csv(index=False, lineterminator="\n")
            write_atomically(file, text, mode=0o600)
    for file in sorted((home.outbox_dir / round_id).glob("*.csv")):
        there = pd.read_csv(file, usecols=["intervention_id"], dtype=str)["intervention_id"]
        book.note(FILES, round_id, there)


def take_out(file: Path, ids: set[str]) -> int:
    """Write a file again without these messages; how many it had."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    theirs = rows["intervention_id"].isin(ids)
    if theirs.any():
        write_atomically(file, rows[~theirs].to_csv(index=False, lineterminator="\n"), mode=0o600)
    return int(theirs.sum())


def _private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
