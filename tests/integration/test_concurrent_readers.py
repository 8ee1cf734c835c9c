"""Readers see one whole publication, whatever is published or rolled back meanwhile, never an error."""

import json
import subprocess
import sys
from pathlib import Path

from roundtrip.home import Home
from roundtrip.publish import Actor, kept, publish, publish_scores, roll_back
from tests.handmade import AS_OF, pass_gate, write_scores, write_work

READERS, PUBLICATIONS, ROLLBACKS = 3, 12, 6

#: Asks one connection after the other, three questions each, until it is told to stop. In the hand-made marts
#: all tables have as many rows as there are customers, so that a half state would show.
READER = """
import json, sys, time
from pathlib import Path
from roundtrip.home import Home
from roundtrip.publish import published
home, stop = Home(Path(sys.argv[1])), Path(sys.argv[2])
queries, seen = 0, []
while True:
    is_last = stop.exists()
    with published(home) as warehouse:
        customers, value = warehouse.execute(
            "SELECT count(*), sum(lifetime_value) FROM marts.dim_customers").fetchone()
        (booked,) = warehouse.execute("SELECT sum(net_amount) FROM marts.fct_bookings").fetchone()
        months, stages = warehouse.execute(
            "SELECT (SELECT count(*) FROM marts.fct_customer_months), count(*) "
            "FROM marts.fct_lifecycle_changes JOIN marts.dim_customers USING (customer_id)").fetchone()
    assert customers == value / 300 == booked / 100 == months == stages, (customers, value, booked, months)
    queries += 3
    if seen[-1:] != [customers]:
        seen.append(customers)
    if is_last:
        break
    time.sleep(0.02)
print(json.dumps({"queries": queries, "seen": seen}))
"""


def start_reader(home: Home, stop: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", READER, str(home.root), str(stop)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def checked_publish(home: Home, customers: int) -> None:
    write_work(home, customers=customers)
    pass_gate(home)
    publish(home, AS_OF)


def test_readers_see_whole_versions_only(home: Home, tmp_path: Path):
    checked_publish(home, customers=1)
    stop = tmp_path / "stop"
    readers = [start_reader(home, stop) for _ in range(READERS)]
    replacements = 0
    try:
        for number in range(PUBLICATIONS):
            customers = number + 2
            checked_publish(home, customers)
            write_scores(home, customers=customers)
            publish_scores(home, AS_OF)
            replacements += 2
            if number % (PUBLICATIONS // ROLLBACKS) == 0:
                # The one before last: the marts of a customer less, with their scores.
                roll_back(home, kept(home)[2 if number else 1].name, Actor("tester", "2025-07-01T00:00:00Z"))
                replacements += 1
    finally:
        stop.touch()
        answers = [reader.communicate(timeout=60) for reader in readers]
    for reader, (_, error) in zip(readers, answers, strict=True):
        assert reader.returncode == 0, error
    told = [json.loads(answer) for answer, _ in answers]
    assert replacements == 2 * PUBLICATIONS + ROLLBACKS
    changes = [len(each["seen"]) - 1 for each in told]
    print(f"{READERS} readers x {replacements} replacements x {sum(t['queries'] for t in told)} queries")
    assert min(changes) >= 5, f"the readers have to live through replacements: {changes}"
    assert any(
        later < earlier
        for each in told
        for earlier, later in zip(each["seen"], each["seen"][1:], strict=False)
    ), "no reader saw a rollback"
