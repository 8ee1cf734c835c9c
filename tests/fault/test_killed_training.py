"""A training that is killed after it has learned, and run again, gives the same champion and scores."""

import json
from datetime import date
from pathlib import Path

import pytest

from ml import tracking
from roundtrip.home import Home
from tests.fault import harness
from tests.fault.harness import differences
from tests.published_fixture import publish_made_up

#: Enough customers and months for a model that is promoted.
CUSTOMERS = 700
#: About as many events at the end of a training register the version, move the alias and write it down.
REGISTERING = 40


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> tuple[Home, date]:
    """A published warehouse of made-up customers and an MLflow with empty tables."""
    home = Home(tmp_path_factory.mktemp("training") / "home")
    as_of = publish_made_up(home, customers=CUSTOMERS)
    tracking.open_mlflow(home)
    return home, as_of


def outcome(home: Home) -> dict[str, str]:
    return harness.fingerprint(home) | harness.champion(home)


def test_killed_training_ends_as_an_undisturbed_one(untrained, tmp_path: Path):
    home, as_of = untrained
    undisturbed = harness.copy(home, tmp_path / "undisturbed")
    end = harness.run(undisturbed, "train", as_of)
    assert end.exit_code == 0, end.error
    assert json.loads(undisturbed.champion_file.read_text())["status"] == "champion"
    assert harness.run(undisturbed, "score", as_of).exit_code == 0
    expected = outcome(undisturbed)

    disturbed = harness.copy(home, tmp_path / "disturbed")
    # Killed while what was trained is registered: the run in MLflow is over by then, so that the same command
    # goes on from there and need not train again. It is killed, too, up to its last note.
    assert harness.run(disturbed, "train", as_of, kill_at=end.events - REGISTERING).was_killed
    assert not disturbed.champion_file.exists()
    again = harness.run(harness.copy(disturbed, tmp_path / "again"), "train", as_of)
    assert again.events < end.events // 2, "nothing is trained again"
    for kill in range(again.events - REGISTERING, again.events + 1, 8):
        copy = harness.copy(disturbed, tmp_path / f"killed-{kill}")
        assert harness.run(copy, "train", as_of, kill_at=kill).was_killed
        assert harness.run(copy, "train", as_of).exit_code == 0
        assert harness.run(copy, "score", as_of).exit_code == 0
        assert differences(outcome(copy), expected) == [], f"killed at event {kill}"
