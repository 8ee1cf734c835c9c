"""Going back to an earlier publication: whole, written down, and nothing after it is disturbed."""

import json
import os
import signal
import subprocess
import sys
from datetime import date

import pytest

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.errors import BadInput, Locked
from roundtrip.home import Home
from roundtrip.lock import one_publication_at_a_time, one_run_at_a_time
from roundtrip.publish import Actor, kept, newer_than_current, publish, publish_scores, published, roll_back
from roundtrip.publish.rollback import rollbacks
from tests.handmade import AS_OF, pass_gate, write_scores, write_work

NEXT_DAY = date(2025, 7, 1)
ANNA = Actor("anna", "2025-07-02T08:00:00+00:00")


def checked_publish(home: Home, customers: int, as_of: date = AS_OF) -> str:
    write_work(home, customers=customers, as_of=as_of)
    pass_gate(home, as_of)
    return publish(home, as_of)["version"]


def customers(home: Home) -> int:
    with published(home) as warehouse:
        return warehouse.execute("SELECT count(*) FROM marts.dim_customers").fetchone()[0]


def command(home: Home, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "roundtrip.cli", "rollback", "--home", str(home.root), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
        timeout=60,
        check=False,
    )


def test_an_earlier_version_is_published_again_and_it_is_written_down(home: Home):
    first, second = checked_publish(home, 5), checked_publish(home, 6)

    done = roll_back(home, first, ANNA)

    assert customers(home) == 5
    assert (done["version"], done["replaced"], done["as_of"]) == (first, second, "2025-06-30")
    entry = {"state": "done", "at": ANNA.acts_at, "by": "anna", "from": second, "to": first}
    assert rollbacks(home) == [{**entry, "as_of": "2025-06-30"}]
    assert [version.name for version in newer_than_current(home)] == [second]
    roll_back(home, second, ANNA)
    assert customers(home) == 6
    assert len(rollbacks(home)) == 2
    assert newer_than_current(home) == []


def test_publishing_goes_on_normally_after_a_rollback(home: Home):
    first = checked_publish(home, 5)
    checked_publish(home, 6)
    roll_back(home, first, ANNA)

    third = checked_publish(home, 7, NEXT_DAY)
    write_scores(home, customers=7, as_of=NEXT_DAY)
    scored = publish_scores(home, NEXT_DAY)["version"]

    assert customers(home) == 7
    assert [version.name for version in kept(home)][:2] == [scored, third]
    assert newer_than_current(home) == []
    lineage = kept(home)[0].lineage
    assert lineage["work_fingerprint"] == kept(home)[1].lineage["work_fingerprint"]


def test_scores_are_added_to_the_version_gone_back_to_only_if_they_are_of_its_date(home: Home):
    first = checked_publish(home, 5)
    checked_publish(home, 6, NEXT_DAY)
    write_scores(home, customers=6, as_of=NEXT_DAY)
    roll_back(home, first, ANNA)
    with pytest.raises(BadInput, match="as of 2025-06-30, not 2025-07-01"):
        publish_scores(home, NEXT_DAY)
    write_scores(home, customers=5)
    assert publish_scores(home, AS_OF)["rows"]["customer_scores"] == 5


def test_the_version_gone_back_to_is_never_pruned(home: Home):
    Company("company", "landing", settings={"versions_kept": 2}).save(home)
    first, _ = checked_publish(home, 5), checked_publish(home, 6)
    roll_back(home, first, ANNA)
    # A gate that refuses, a run that fails: days may pass before anything is published again.
    assert [version.name for version in kept(home) if version.is_current] == [first]
    third = checked_publish(home, 7)
    assert kept(home)[0].name == third
    assert len(kept(home)) == 2


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda file: os.truncate(file, file.stat().st_size // 3), "cannot be read"),
        (lambda file: os.truncate(file, 0), "cannot be read"),
        (lambda file: change(file, "DELETE FROM marts.kpi_months"), "not hold what its lineage says"),
        (lambda file: change(file, "UPDATE marts.kpi_months SET value = 1"), "not hold what its lineage"),
    ],
)
def test_a_damaged_version_is_refused_and_the_publication_stays(home: Home, spoil, told: str):
    first, _ = checked_publish(home, 5), checked_publish(home, 6)
    file = home.versions_dir / f"{first}.duckdb"
    file.chmod(0o644)
    spoil(file)
    with pytest.raises(BadInput, match=told):
        roll_back(home, first, ANNA)
    assert customers(home) == 6
    assert rollbacks(home) == []


def change(file, statement: str) -> None:
    with duck.connect(file, file.parent) as version:
        version.execute(statement)


def test_what_cannot_be_gone_back_to_is_told(home: Home):
    with pytest.raises(BadInput, match="no version x") as refused:
        roll_back(home, "x", ANNA)
    assert "none" in refused.value.hint
    only = checked_publish(home, 5)
    with pytest.raises(BadInput, match="no version x") as refused:
        roll_back(home, "x", ANNA)
    assert only in refused.value.hint
    with pytest.raises(BadInput, match="is the current publication already"):
        roll_back(home, only, ANNA)
    (home.versions_dir / "2025-06-30-killed.duckdb").touch()
    with pytest.raises(BadInput, match="no version 2025-06-30-killed"):
        roll_back(home, "2025-06-30-killed", ANNA)


def test_a_rollback_waits_for_nobody(home: Home):
    first, _ = checked_publish(home, 5), checked_publish(home, 6)
    with one_publication_at_a_time(home), pytest.raises(Locked, match=f"process {os.getpid()}"):
        roll_back(home, first, ANNA)
    with one_publication_at_a_time(home), pytest.raises(Locked, match=f"process {os.getpid()}"):
        publish(home, AS_OF)
    assert customers(home) == 6


#: Kills its own process, without any cleaning up, after the nth replacement of a file.
VICTIM = """
import os, signal, sys
from pathlib import Path
from roundtrip.home import Home
from roundtrip.publish import Actor, roll_back
root, version, nth = sys.argv[1:]
original, calls = os.replace, 0
def dying(*args):
    global calls
    original(*args)
    calls += 1
    if calls == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = dying
roll_back(Home(Path(root)), version, Actor("anna", "2025-07-02T07:00:00+00:00"))
"""


@pytest.mark.parametrize(("nth", "is_back"), [(1, False), (2, True), (3, True)])
def test_a_killed_rollback_is_finished_by_the_same_command(home: Home, nth: int, is_back: bool):
    first, second = checked_publish(home, 5), checked_publish(home, 6)
    victim = subprocess.run([sys.executable, "-c", VICTIM, str(home.root), first, str(nth)], check=False)
    assert victim.returncode == -signal.SIGKILL
    assert customers(home) == (5 if is_back else 6)
    assert rollbacks(home)[-1]["state"] == ("done" if nth == 3 else "begun")

    if nth < 3:
        roll_back(home, first, ANNA)
    assert customers(home) == 5
    [entry] = rollbacks(home)
    assert (entry["state"], entry["from"], entry["to"]) == ("done", second, first)
    assert list(home.published_dir.glob(".*")) == []


def test_the_command_lists_rolls_back_and_is_refused_during_a_run(home: Home):
    Company("company", "landing").save(home)
    first, second = checked_publish(home, 5), checked_publish(home, 6)

    listed = command(home).stdout
    assert [line.split()[1] for line in listed.splitlines() if "2025-06-30-" in line] == [second, first]
    assert [second in line for line in listed.splitlines() if "current" in line] == [True]

    with one_run_at_a_time(home):
        refused = command(home, "--to", first)
    assert refused.returncode == 5
    assert f"process {os.getpid()}" in refused.stderr
    assert customers(home) == 6

    done = command(home, "--to", first)
    assert done.returncode == 0, done.stderr
    assert first in done.stdout
    assert customers(home) == 5
    [entry] = [json.loads(line) for line in home.rollbacks_file.read_text().splitlines()]
    assert entry["by"]
    assert entry["at"]
    assert command(home, "--to", first).returncode == 2
