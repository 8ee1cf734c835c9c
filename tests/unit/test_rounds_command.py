"""`roundtrip round`: a human's way to see a plan and to say yes or no."""

import pytest
from typer.testing import CliRunner

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.rounds import decide
from roundtrip.rounds.command import app
from roundtrip.rounds.store import round_named
from tests.rounds_fixture import AS_OF, Scene, arrange

ROUND = f"R-{AS_OF}"


@pytest.fixture
def planned(home: Home) -> Home:
    arrange(home, Scene())
    decide(home, AS_OF)
    return home


def said(*arguments, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "200"})
    if code:
        assert isinstance(result.exception, BadInput)
        return str(result.exception)
    assert result.exit_code == 0, result.exception
    return result.output


def test_nothing_is_planned_yet(home: Home):
    assert "no round was planned yet" in said("list", "--home", home.root)
    assert "尚未安排" in said("show", "--home", home.root, "--language", "zh")


def test_a_plan_is_shown_approved_and_listed(planned: Home):
    shown = said("show", "--home", planned.root)
    assert "waits for a decision" in shown
    assert "Expected net gain" in shown
    assert "care_call" in shown
    assert f"roundtrip round approve {ROUND}" in shown
    assert "等待决定" in said("show", ROUND, "--home", planned.root, "--language", "zh")
    told = said("approve", ROUND, "--home", planned.root, "--by", "Li", "--without-action", "discount")
    assert "changed by Li" in told
    assert round_named(planned, ROUND).decision["without"] == {"actions": ["discount"]}
    assert "changed by Li" in said("list", "--home", planned.root)
    assert "Li 修改后批准" in said("list", "--home", planned.root, "--language", "zh")


def test_a_narrow_terminal_shows_rounds_by_name_and_no_notes(planned: Home):
    said("approve", ROUND, "--home", planned.root, "--by", "Li", "--note", "as discussed on Monday")
    result = CliRunner().invoke(app, ["list", "--home", str(planned.root)], env={"COLUMNS": "80"})
    assert ROUND in result.output
    assert "Monday" not in result.output
    assert "as discussed on Monday" in said("show", "--home", planned.root)


def test_a_plan_is_refused_once(planned: Home):
    assert "refused by Li" in said("refuse", ROUND, "--home", planned.root, "--by", "Li", "--note", "no")
    assert "was refused by Li already" in said("approve", ROUND, "--home", planned.root, "--by", "Li", code=2)
    assert "no round 'R-1'" in said("approve", "R-1", "--home", planned.root, code=2)
    assert "'fr' is not kept" in said("list", "--home", planned.root, "--language", "fr", code=2)
