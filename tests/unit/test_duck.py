"""What every connection of ours has in common."""

import pytest

from roundtrip import duck
from roundtrip.simulate.write import open_connection


@pytest.mark.parametrize("opened", ["of a file", "of the simulation"])
def test_duckdb_draws_no_bar_of_its_own(tmp_path, opened):
    """After two seconds it would, into a log and across our own display."""
    connection = (
        duck.connect(tmp_path / "any.duckdb", tmp_path) if opened == "of a file" else open_connection()
    )
    with connection:
        assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)


def test_times_are_read_in_one_zone_on_every_machine(tmp_path):
    with duck.connect(tmp_path / "any.duckdb", tmp_path) as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
