"""What the gates' measurements stand on: a sound made-up batch, and groups that read what they say."""

from benchmarks import gates
from benchmarks.gates.alarms import TROUBLES
from benchmarks.gates.groups import groups
from benchmarks.gates.made_up import AS_OF, write
from roundtrip.contract import source_contract
from roundtrip.gates import rows
from roundtrip.gates.landing import summarise
from roundtrip.gates.sides import accepted
from roundtrip.gates.suites import read_suite
from roundtrip.home import Home
from tests.sides import sides_of


def test_the_made_up_batch_is_sound_and_has_a_past(home: Home):
    write(home, 4000)
    bookings = source_contract()["bookings"]
    with sides_of(home, AS_OF) as sides:
        counted = rows.count(
            sides.connection, accepted(bookings), read_suite("landing", "bookings").on("rows")
        )
        figures, _ = summarise(sides, bookings)
    assert {each.count for each in counted} == {0}
    assert figures["rows_accepted"] == 4000
    assert figures["customer_id_known_share"] == 1.0
    assert figures["destination_personal_rows"] == 0
    assert figures["destination_drift"] is not None
    assert figures["volume_deviation"] > 3, "half of two years in one month"


def test_every_group_is_measured_beside_a_scan(home: Home):
    write(home, 4000)
    costs = gates.measure(home, repeats=1)
    with sides_of(home, AS_OF) as sides:
        assert [cost.group for cost in costs] == [group.name for group in groups(sides)]
    assert all(cost.columns > 0 and cost.check_seconds > 0 for cost in costs)


def test_every_planted_trouble_has_a_figure_with_a_threshold():
    for trouble in TROUBLES:
        judged = {e["kwargs"]["column"] for e in read_suite("landing", trouble.table).on("summary")}
        assert trouble.figure in judged, trouble.name
