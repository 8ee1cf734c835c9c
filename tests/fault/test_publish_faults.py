"""A publication killed anywhere leaves the old or the new version, whole, and the rerun mends the rest."""

import signal
import subprocess
import sys

import pytest

from roundtrip.home import Home
from roundtrip.publish import publish, published
from tests.handmade import AS_OF, pass_gate, write_work

#: Kills its own process, without any cleaning up, before or after the nth call of a function.
VICTIM = """
import importlib, os, signal, sys
from datetime import date
from pathlib import Path
from roundtrip.home import Home
from roundtrip.publish import publish

root, module, name, moment, nth = sys.argv[1:]
place = importlib.import_module(module)
original, calls = getattr(place, name), 0

def dying(*args, **kwargs):
    global calls
    calls += 1
    if calls == int(nth) and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = original(*args, **kwargs)
    if calls == int(nth) and moment == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

setattr(place, name, dying)
publish(Home(Path(root)), date(2025, 6, 30))
"""

PUBLICATION = "roundtrip.publish.publication"
VERSIONS = "roundtrip.publish.versions"

POINTS = [
    # where, moment, nth call, is the new version published by then?
    (PUBLICATION, "_copy_marts", "after", 1, False),
    (VERSIONS, "content_hash", "after", 1, False),
    ("os", "link", "after", 1, False),
    ("os", "replace", "after", 1, False),
    (VERSIONS, "write_atomically", "after", 1, False),
    ("os", "replace", "after", 3, True),
    (VERSIONS, "_prune", "before", 1, True),
]


def customers(home: Home) -> int:
    with published(home) as warehouse:
        counts = warehouse.execute(
            "SELECT (SELECT count(*) FROM marts.dim_customers), (SELECT count(*) FROM marts.fct_bookings)"
        ).fetchone()
    assert counts[0] == counts[1]
    return counts[0]


@pytest.mark.parametrize(("module", "name", "moment", "nth", "is_new"), POINTS)
def test_killed_publication(home: Home, module: str, name: str, moment: str, nth: int, is_new: bool):
    write_work(home, customers=5)
    pass_gate(home)
    publish(home, AS_OF)
    write_work(home, customers=6)
    pass_gate(home)

    command = [sys.executable, "-c", VICTIM, str(home.root), module, name, moment, str(nth)]
    victim = subprocess.run(command, capture_output=True, text=True, check=False)
    assert victim.returncode == -signal.SIGKILL, victim.stderr
    assert customers(home) == (6 if is_new else 5)

    rerun = publish(home, AS_OF)
    assert customers(home) == 6
    assert publish(home, AS_OF) == rerun, "the same content hash, whatever was killed before"
    assert list(home.published_dir.glob(".*")) == [], "nothing is left behind"
    assert len(list((home.published_dir / "versions").glob("*.duckdb"))) == 2
