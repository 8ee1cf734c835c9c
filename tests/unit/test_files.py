"""Writing files whole: what others see, and what a killed process leaves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from roundtrip.files import remove_abandoned, write_atomically


def gone() -> int:
    """The id of a process that has just ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path):
    file = tmp_path / "folder" / "a.json"
    write_atomically(file, "one")
    write_atomically(file, "two")
    assert file.read_text() == "two"
    assert [each.name for each in file.parent.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "a.json"
    write_atomically(file, "one")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, "two")
    assert file.read_text() == "one"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_what_killed_processes_left_is_removed_and_what_living_ones_write_is_not(tmp_path: Path):
    dead, alive = gone(), os.getppid()
    stays = [f".a.json.{alive}.tmp", f".b.json.{dead}.tmp", "2025-12-31.json", f"summaries-{alive}.duckdb"]
    goes = [f".a.json.{dead}.tmp", f"summaries-{dead}.duckdb", f"summaries-{dead}.duckdb.wal"]
    for name in stays + goes:
        (tmp_path / name).touch()
    remove_abandoned(tmp_path, "summaries-*")
    write_atomically(tmp_path / "a.json", "new")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*stays, "a.json"])
