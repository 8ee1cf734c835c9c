"""What was expected of a year, against what came, on held-out months."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ml.value_check import GROUPS, backtest, compared, picture
from roundtrip.cli import app
from roundtrip.home import Home
from tests.published_fixture import change_published, publish_made_up

CUTOFF = date(2024, 3, 31)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    home = Home(tmp_path_factory.mktemp("value") / "home")
    publish_made_up(home, customers=1200, months=40)
    return home


@pytest.fixture(scope="module")
def checked(home) -> dict:
    return backtest(home, CUTOFF)


def test_the_year_that_came_lies_in_the_intervals_as_often_as_they_say(checked):
    assert checked["customers"] > 400
    bookings, value = checked["bookings"], checked["value"]
    assert bookings["mean_expected"] == pytest.approx(bookings["mean_counted"], rel=0.15)
    assert value["mean_expected"] == pytest.approx(value["mean_counted"], rel=0.15)
    # Counts cannot hit 80 % exactly; who may book nothing has 0 as the lower end.
    assert 0.78 < bookings["inside"] < 0.97
    assert 0.75 < value["inside"] < 0.97
    assert bookings["above"] < 0.12
    assert value["above"] < 0.14


def test_it_knows_nothing_after_the_cutoff(home, checked, tmp_path):
    import shutil

    other = Home(tmp_path / "home")
    shutil.copytree(home.root, other.root)
    later = "as_of_date > DATE '2024-03-31'"
    change_published(
        other,
        f"UPDATE marts.customer_features SET web_events_90d = 0, overdue_ratio = 1 WHERE {later}",
        "UPDATE marts.churn_labels SET is_churned = NOT is_churned WHERE horizon_ends_on > DATE '2024-03-31'",
    )
    again = backtest(other, CUTOFF)
    assert again["bookings"] == checked["bookings"]
    assert again["value"] == checked["value"]


def test_without_the_year_after_or_without_outcomes_there_is_no_answer(home):
    assert backtest(home, date(2025, 3, 31)) is None
    assert backtest(home, date(2022, 3, 31)) is None


def test_the_command_says_what_was_expected_and_what_came(home, checked, tmp_path):
    drawn = tmp_path / "year.png"
    arguments = ["--cutoff", CUTOFF.isoformat(), "--picture", str(drawn), "--home", str(home.root)]
    result = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["model", "value", *arguments])
    assert result.exit_code == 0, result.output
    assert f"{checked['customers']:,} customers of {CUTOFF}" in result.output
    for kind in ("bookings", "value"):
        assert f"{checked[kind]['mean_expected']:,.2f}" in result.output
        assert f"{checked[kind]['mean_counted']:,.2f}" in result.output
    assert drawn.read_bytes().startswith(b"\x89PNG")
    too_late = CliRunner().invoke(app, ["model", "value", "--cutoff", "2025-03-31", "--home", str(home.root)])
    assert "cannot be checked" in str(too_late.exception)


def test_without_prices_bookings_are_checked_alone(tmp_path):
    home = Home(tmp_path / "home")
    publish_made_up(home, customers=500, months=40, has_prices=False)
    found = backtest(home, CUTOFF)
    assert "value" not in found
    assert found["bookings"]["mean_counted"] > 0
    assert len(picture(found).axes) == 1


def test_the_comparison_by_hand():
    found = compared([1, 2, 3, 4], [0, 2, 3, 5], [1, 3, 3, 6], [1, 1, 3, 7])
    assert (found["inside"], found["below"], found["above"]) == (0.5, 0.25, 0.25)
    assert (found["mean_expected"], found["mean_counted"]) == (2.5, 3)
    assert found["mean_absolute_error"] == 1
    assert found["mean_width"] == 0.75


def test_groups_are_equal_and_rise(checked):
    groups = pd.DataFrame(checked["bookings"]["groups"])
    assert len(groups) == GROUPS
    assert groups["expected"].is_monotonic_increasing
    assert np.isfinite(groups.to_numpy()).all()
    assert len(picture(checked).axes) == 2
