"""While one process runs, every other command that would write says who it is, and changes nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.lock import one_run_at_a_time

HOLDER = """
import sys, time
from pathlib import Path
from roundtrip.home import Home
from roundtrip.lock import one_run_at_a_time
with one_run_at_a_time(Home(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def company(home: Home, tmp_path: Path) -> Home:
    landing = tmp_path / "landing"
    landing.mkdir()
    Company("landing", str(landing)).save(home)
    return home


@pytest.fixture
def holder(company: Home) -> Iterator[subprocess.Popen]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(company.root)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def command(home: Home, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "roundtrip.cli", *arguments, "--home", str(home.root)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
        timeout=120,
        check=False,
    )


def test_whoever_comes_second_is_told_who_was_first(company: Home, holder: subprocess.Popen, tmp_path: Path):
    before = sorted(company.root.rglob("*"))
    for arguments in (
        ["run", "--local", "--landing", str(tmp_path / "landing")],
        ["demo", "--local"],
        ["stage", "publish"],
        ["rollback", "--to", "2025-06-30-abc"],
    ):
        said = command(company, *arguments)
        assert said.returncode == 5, said.stderr
        assert f"(process {holder.pid})" in said.stderr
        assert "Traceback" not in said.stderr
        assert str(os.getpid()) not in company.lock_file.read_text(), "the holder's number stays"
    assert sorted(company.root.rglob("*")) == before

    holder.kill()
    holder.wait()
    # The kernel has dropped the lock with its process; there is just nothing to publish.
    assert command(company, "stage", "publish").returncode == 2


def test_the_lock_is_free_after_a_run_and_after_an_error(company: Home):
    with pytest.raises(KeyError), one_run_at_a_time(company):
        raise KeyError
    with one_run_at_a_time(company):
        assert company.lock_file.read_text() == str(os.getpid())
