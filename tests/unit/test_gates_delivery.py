"""Figures about a delivery: its shape, its keys, its references, and rows that contradict themselves."""

from datetime import date

import pytest

from roundtrip import duck
from roundtrip.contract import source_contract
from roundtrip.gates import sides as sides_module
from roundtrip.gates.delivery import account, at_most, keys, references, shape
from roundtrip.gates.doubts import doubts
from roundtrip.gates.watched import CLASSES, watched
from roundtrip.home import Home
from tests.sides import sides_of, write_sides

AS_OF = date(2025, 6, 30)
CUSTOMERS = (
    "SELECT 'c' || i AS customer_id, TIMESTAMP '2025-01-10' AS registered_at "
    "FROM range({first}, {last}) AS r(i)"
)


def bookings(rows: int = 10, **columns: str) -> str:
    given = {
        "booking_id": "'b' || i",
        "customer_id": "'c' || i",
        "booked_at": "TIMESTAMP '2025-06-10 12:00:00'",
        "service_line": "'hotel'",
        "status": "'confirmed'",
        "_file": "'june.csv'",
    } | columns
    columns = ", ".join(f"{value} AS {name}" for name, value in given.items())
    return f"SELECT {columns} FROM range({rows}) AS r(i)"


def of_bookings(home: Home, figure, batch: dict[str, str], raw: dict[str, str] | None = None):
    write_sides(home, batch, raw)
    with sides_of(home, AS_OF) as sides:
        return figure(sides, source_contract()["bookings"])


def test_references_are_known_from_the_batch_and_from_raw(home: Home):
    batch = {"bookings": bookings(20), "customers": CUSTOMERS.format(first=0, last=5)}
    found, told = of_bookings(home, references, batch, {"customers": CUSTOMERS.format(first=5, last=10)})
    assert found["customer_id_known_share"] == 0.5
    assert told["customer_id_known_share_at_most"] == "10 of 20 are known"
    assert 0.5 < found["customer_id_known_share_at_most"] < 0.95


def test_one_unknown_of_sixteen_is_chance_and_a_hundred_of_sixteen_hundred_is_not():
    assert at_most(15, 16) > 0.99
    assert at_most(1500, 1600) < 0.96
    # By its definition: the share from which what was seen lies 2.3263 standard errors away.
    limit = at_most(81, 263)
    assert (limit - 81 / 263) / (limit * (1 - limit) / 263) ** 0.5 == pytest.approx(2.3263)
    assert (at_most(5, 5), at_most(0, 0)) == (1.0, None)


def test_a_key_may_come_again_in_another_file_but_not_in_its_own(home: Home):
    twice = {"bookings": bookings(10) + " UNION ALL " + bookings(10, _file="'july.csv'")}
    assert of_bookings(home, keys, twice)["repeated_key_share"] == 0.0
    same = {"bookings": bookings(10, booking_id="'b' || i % 5")}
    assert of_bookings(home, keys, same)["repeated_key_share"] == 0.5
    assert of_bookings(home, keys, {"bookings": bookings(0)})["repeated_key_share"] is None


def test_of_many_rows_a_sample_of_keys_gives_the_share(home: Home, monkeypatch):
    monkeypatch.setattr(sides_module, "SAMPLED_ROWS", 900)
    every_third_twice = bookings(9000, booking_id="'b' || CASE WHEN i % 3 = 1 THEN i - 1 ELSE i END")
    share = of_bookings(home, keys, {"bookings": every_third_twice})
    assert share["repeated_key_share"] == pytest.approx(1 / 3, abs=0.05)


def test_a_table_of_another_contract_is_seen(home: Home):
    write_sides(home, {"bookings": bookings()})
    with duck.connect(home.batch_db, home.tmp_dir) as batch:
        batch.execute("ALTER TABLE bookings DROP COLUMN channel")
        batch.execute("ALTER TABLE bookings ALTER travellers TYPE VARCHAR")
    with sides_of(home, AS_OF) as sides:
        table = source_contract()["bookings"]
        assert shape(sides, table) == {"columns_missing": 1, "columns_mistyped": 1}
        assert account(sides, table)["rows_accepted"] == 10
        assert shape(sides, source_contract()["customers"]) == {"columns_missing": 0, "columns_mistyped": 0}


SOUND = {
    "travel_start": "DATE '2025-06-10' + i::INTEGER",
    "updated_at": "TIMESTAMP '2025-06-11'",
}


def of_doubts(home: Home, **columns: str) -> dict:
    batch = {"bookings": bookings(10, **SOUND | columns)}
    return of_bookings(home, doubts, batch, {"customers": CUSTOMERS.format(first=0, last=8)})


def test_sound_rows_raise_no_doubt(home: Home):
    assert of_doubts(home) == {
        "trip_after_booking_broken_share": 0.0,
        "updated_after_booking_broken_share": 0.0,
        "cancelled_has_status_broken_share": 0.0,
        "booked_after_registration_broken_share": 0.0,
    }


@pytest.mark.parametrize(
    ("column", "value", "figure", "share"),
    [
        ("travel_start", "DATE '2025-06-12' - i::INTEGER", "trip_after_booking", 0.6),
        ("travel_start", "CASE WHEN i < 5 THEN DATE '2025-06-01' END", "trip_after_booking", 1.0),
        ("travel_start", "NULL", "trip_after_booking", None),
        ("updated_at", "TIMESTAMP '2025-06-10'", "updated_after_booking", 1.0),
        ("cancelled_at", "TIMESTAMP '2025-06-12'", "cancelled_has_status", 1.0),
        # Of the ten bookings the customers of eight are known.
        ("booked_at", "TIMESTAMP '2025-01-12' - to_days(i)", "booked_after_registration", 5 / 8),
    ],
)
def test_a_doubt_is_told_of_the_rows_that_it_can_be_told_of(home: Home, column, value, figure, share):
    found = of_doubts(home, **{column: value})[f"{figure}_broken_share"]
    assert found == (share if share is None else pytest.approx(share))


def test_doubts_of_a_parent(home: Home):
    touches = (
        "SELECT 't' || i AS touch_id, 'k' || i % 2 AS campaign_id, 'c1' AS customer_id, 'treatment' AS arm, "
        "TIMESTAMP '2025-06-10' AS assigned_at FROM range(10) AS r(i)"
    )
    campaigns = (
        "SELECT 'k0' AS campaign_id, 'Spring' AS name, TIMESTAMP '2025-06-01' AS started_at, "
        "'content' AS action UNION ALL SELECT 'k1', 'Late', TIMESTAMP '2025-06-20', 'content'"
    )
    write_sides(home, {"campaign_touches": touches}, {"campaigns": campaigns})
    with sides_of(home, AS_OF) as sides:
        found = doubts(sides, source_contract()["campaign_touches"])
    assert found == {"touched_after_start_broken_share": 0.5}


def test_everything_watched_is_in_the_contract():
    contract = source_contract()
    assert set(watched()) == set(contract)
    for name, of_table in watched().items():
        columns = set(contract[name].column_names)
        looked_through = {*of_table.free_text, *of_table.names, *of_table.ids}
        assert set(of_table.drift) | looked_through <= columns
        assert {doubt.column for doubt in of_table.doubts} <= columns
        assert set(of_table.drift.values()) <= set(CLASSES)
        for doubt in of_table.doubts:
            if doubt.parent:
                assert doubt.parent[0] in contract
                assert doubt.parent[1] in columns


def test_every_column_that_nobody_fills_from_a_list_is_looked_through():
    for name, table in source_contract().items():
        of_table = watched()[name]
        looked_through = {*of_table.free_text, *of_table.names, *of_table.ids, *of_table.drift}
        free = {
            column.name
            for column in table.columns
            if column.type == "VARCHAR" and not (column.values or column.pattern or column.pii)
        }
        own_ids = {*table.key, "booking_id", "campaign_id"}
        assert free - looked_through - own_ids == set(), name
