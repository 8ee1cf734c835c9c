"""Ids in files that people read: reports, results of gates, records, logs."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.ingest.door import LEAST_SEARCHED

_ENDINGS = {".json", ".jsonl", ".html", ".log", ".txt", ".md", ".csv", ".yml", ".yaml"}
_WORD = re.compile(rb"[0-9A-Za-z]+(?:[_.@+-]+[0-9A-Za-z]+)*")
_INSTEAD = b"erased"


def take_out(home: Home, words: Iterable[str]) -> int:
    """Replace each of the words (ids, pseudonyms) wherever it stands as a whole word; in how many places."""
    wanted = {word.encode() for word in words if len(word) >= LEAST_SEARCHED}
    plain = {word for word in wanted if _WORD.fullmatch(word)}
    odd = wanted - plain
    places = 0

    def instead(match: re.Match) -> bytes:
        nonlocal found
        if match.group() not in plain:
            return match.group()
        found += 1
        return _INSTEAD

    for file in _files(home):
        found = 0
        changed = _WORD.sub(instead, file.read_bytes())
        for word in odd:
            found += changed.count(word)
            changed = changed.replace(word, _INSTEAD)
        if found:
            age = file.stat()
            write_atomically(file, changed, age.st_mode & 0o777)
            os.utime(file, ns=(age.st_atime_ns, age.st_mtime_ns))
        places += found
    return places


def _files(home: Home) -> Iterable[Path]:
    folders = (
        home.gates_dir,
        home.runs_dir,
        home.logs_dir,
        home.reports_dir,
        home.mlflow_dir,
        home.rounds_dir,
        home.airflow_dir / "logs",
    )
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix in _ENDINGS and file.is_file() and not file.is_symlink():
                yield file
