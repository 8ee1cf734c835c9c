"""What was measured comes back: harmful actions rest, and the table of strategies says what was found."""

from datetime import date, timedelta

import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner

from roundtrip.cli import app
from roundtrip.home import Home
from roundtrip.measure.tables import EFFECTS
from roundtrip.products import write_product
from roundtrip.rounds import decide
from roundtrip.strategies import evidence
from roundtrip.verdicts import HARMS, HELPS, OPEN
from tests.rounds_fixture import AS_OF, Scene, arrange, plan_of, told_of

ACROSS = {"campaign_id": "all", "segment_kind": "all", "segment": "all", "window_days": 90}


def effect(action: str, found: float, verdict: str, **other) -> dict:
    interval = {"ci_low": found - 0.01, "ci_high": found + 0.01, "n_treatment": 800, "n_control": 200}
    told = {"action": action, "outcome": "return", "effect": found, "verdict": verdict}
    return ACROSS | told | interval | other


def write(home: Home, *rows: dict, day: date = AS_OF) -> None:
    table = pd.DataFrame(rows).reindex(columns=list(EFFECTS)).assign(measured_on=day)
    write_product(table, EFFECTS, home.products_dir / "campaign_effects" / f"{day}.parquet")


def verdicts(home: Home, day: date = AS_OF) -> dict:
    with duckdb.connect() as connection:
        evidence.prepare(connection, home, day)
        return {
            (action, segment): verdict
            for action, segment, verdict in connection.execute(
                "SELECT action, need_segment, verdict FROM action_evidence"
            ).fetchall()
        }


def test_the_verdict_is_that_of_the_measurement(home: Home):
    write(
        home,
        effect("discount", -0.04, HARMS),
        effect("upgrade", 0.05, HELPS),
        effect("content", -0.04, OPEN),
    )
    found = {"discount": HARMS, "upgrade": HELPS, "content": OPEN}
    assert verdicts(home) == {(action, None): verdict for action, verdict in found.items()}


def test_a_measurement_of_an_earlier_release_leaves_everything_open(home: Home):
    table = pd.DataFrame([effect("discount", -0.04, HARMS)]).assign(measured_on=AS_OF)
    columns = {name: kind for name, kind in EFFECTS.items() if name != "verdict"}
    table = table.reindex(columns=list(columns))
    write_product(table, columns, home.products_dir / "campaign_effects" / f"{AS_OF}.parquet")
    assert verdicts(home) == {("discount", None): OPEN}


def test_the_longest_window_counts_and_harm_to_margin_outweighs_more_bookings(home: Home):
    """A discount that only moves bookings forward looks good for a month."""
    write(
        home,
        effect("discount", 0.06, HELPS, window_days=30),
        effect("discount", 0.00, OPEN, window_days=90),
        effect("upgrade", 0.05, HELPS),
        effect("upgrade", -12.0, HARMS, outcome="margin"),
        effect("content", -0.5, HARMS, outcome="satisfaction"),
    )
    assert verdicts(home) == {("discount", None): OPEN, ("upgrade", None): HARMS}


def test_campaigns_alone_and_later_measurements_say_nothing_yet(home: Home):
    write(home, effect("discount", -0.04, HARMS, campaign_id="spring"))
    write(home, effect("upgrade", -0.04, HARMS), day=AS_OF + timedelta(days=28))
    assert verdicts(home) == {}
    assert verdicts(Home(home.root / "nothing")) == {}


def test_a_harmful_action_rests_for_whom_it_harms(home: Home, tmp_path):
    scene = Scene(retention={"budget_per_round": 4000})
    people = arrange(home, scene)
    decide(home, AS_OF)
    before = plan_of(home)
    assert {"discount", "care_call"} <= set(before["action"])
    assert told_of(home)["resting"] == []

    other = Home(tmp_path / "measured")
    arrange(other, scene)
    segment = before.merge(people, on="customer_id").query("action == 'discount'")["need_segment"].mode()[0]
    write(
        other,
        effect("care_call", -0.04, HARMS),
        effect("discount", -0.04, HARMS, segment_kind="need_segment", segment=segment),
    )
    decide(other, AS_OF)
    after = plan_of(other).merge(people[["customer_id", "need_segment"]], on="customer_id")
    assert "care_call" not in set(after["action"])
    discounted = after[after["action"] == "discount"]
    assert len(discounted)
    assert segment not in set(discounted["need_segment"])
    told = told_of(other)
    assert told["resting"] == [
        {"action": "care_call", "need_segment": None},
        {"action": "discount", "need_segment": segment},
    ]
    assert any(f"care_call, discount ({segment})" in sentence for sentence in told["texts"]["en"])


@pytest.mark.parametrize(
    ("language", "said"), [("en", ("-4.0 (-5.0 to -3.0)", "does harm")), ("zh", ("-4.0(-5.0", "有害"))]
)
def test_the_table_says_what_was_measured(home: Home, language, said):
    arrange(home, Scene())
    write(home, effect("discount", -0.04, HARMS))
    shown = CliRunner(env={"COLUMNS": "250"}).invoke(
        app, ["strategies", "--home", str(home.root), "--language", language]
    )
    assert shown.exit_code == 0
    assert all(part in shown.stdout for part in said)
    elsewhere = ["strategies", "--home", str(home.root / "new"), "--language", language]
    untold = CliRunner(env={"COLUMNS": "250"}).invoke(app, elsewhere)
    assert untold.exit_code == 0
    assert not any(part in untold.stdout for part in said)
