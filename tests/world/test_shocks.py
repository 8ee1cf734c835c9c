"""A closed border: nobody travels abroad, what was booked before is cancelled, and nobody foresaw it."""

import numpy as np
import pytest

from roundtrip.simulate import parameters
from roundtrip.simulate.places import IS_ABROAD
from roundtrip.simulate.trips import BY_SUPPLIER
from roundtrip.simulate.world import World

FROM, MONTHS = 12, 4


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Booking lines of two worlds, without and with the shock, as (lines, calendar)."""
    config = tmp_path_factory.mktemp("shock") / "shock.yml"
    config.write_text(
        f"market:\n  shocks:\n"
        f"    - {{from_month: {FROM}, months: {MONTHS}, demand: 0.1, cancels: 0.8, abroad_only: true}}\n"
    )
    found = []
    for p in (parameters.load(), parameters.load(config)):
        world = World(p, 3_000, 18, 5, np.datetime64("2024-01", "M"))
        months = [world.live().lines for _ in range(18)]
        found.append((months, world.calendar))
    return found


def test_before_the_shock_everybody_books_as_if_there_were_none(lines):
    (usual, _), (shocked, _) = lines
    for month in range(FROM):
        for column in ("person", "booked_at", "destination", "travel_start"):
            assert usual[month][column].equals(shocked[month][column])


def test_who_travels_abroad_in_it(lines):
    (usual, calendar), (shocked, _) = lines
    counts = []
    for months in (usual, shocked):
        booked_in_it = months[FROM]
        travels = calendar.month_of(booked_in_it["travel_start"].to_numpy())
        hit = IS_ABROAD[booked_in_it["destination"]] & (travels < FROM + MONTHS)
        counts.append(hit.sum())
    assert counts[0] > 20
    assert counts[1] < 0.3 * counts[0]


def test_what_was_booked_before_is_cancelled_once_it_has_begun(lines):
    months, calendar = lines[1]
    before = months[FROM - 1]
    travels = calendar.month_of(before["travel_start"].to_numpy())
    hit = before[IS_ABROAD[before["destination"]] & (travels >= FROM) & (travels < FROM + MONTHS)]
    assert len(hit) > 10
    by_supplier = hit[hit["fate"] == BY_SUPPLIER]
    assert len(by_supplier) > 0.6 * len(hit)
    assert (by_supplier["fate_at"] >= calendar.start_of(FROM)).all()
