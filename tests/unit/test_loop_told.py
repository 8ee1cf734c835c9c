"""What a loop says in the end: what really changed, what was spent on what, and what the holdouts said."""

import io
import json
from datetime import date

import duckdb
from rich.console import Console

from roundtrip.home import Home
from roundtrip.simulate.loop import measured, show
from roundtrip.simulate.loop.compare import Comparison, Life, Lives

LIVED = Life(customers=200, gone=45, satisfaction=0.63, revenue=1_100.0, margin=330.0)
UNTOUCHED = Life(customers=200, gone=50, satisfaction=0.60, revenue=1_000.0, margin=300.0)


def published(home: Home) -> None:
    home.current_db.parent.mkdir(parents=True)
    with duckdb.connect(str(home.current_db)) as warehouse:
        warehouse.execute(
            """
            CREATE SCHEMA marts;
            CREATE TABLE marts.interventions AS SELECT * FROM (VALUES
                ('sent', 'treatment', 10.0, false), ('sent', 'treatment', 4.0, true),
                ('held_out', 'control', 0.0, false), ('proposed', 'treatment', 99.0, true),
            ) AS rows(status, arm, cost, is_exploration);
            CREATE TABLE marts.campaign_effects AS SELECT
                'rounds' AS campaign_id, 'all' AS action, 'all' AS segment_kind, 'return' AS outcome,
                90 AS window_days, DATE '2025-12-31' AS measured_on,
                0.02 AS effect, 0.01 AS ci_low, 0.03 AS ci_high;
            """
        )
    for round_id, is_sent in (("R-2025-10-31", True), ("R-2025-11-30", True), ("R-2025-12-31", False)):
        folder = home.rounds_dir / round_id
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text(json.dumps({"budget": 20, "expected_kept": 3.25}), encoding="utf-8")
        if is_sent:
            (folder / "sent.parquet").touch()


def test_only_what_was_sent_is_counted_and_what_was_spent_to_learn_is_told(home: Home):
    published(home)
    found = measured(home, date(2025, 12, 31))
    assert (found.sent, found.held_out) == (2, 1)
    assert (found.cost, found.cost_of_exploring, found.budget) == (14.0, 4.0, 40)
    assert found.expected_kept == 6.5

    console = Console(file=io.StringIO(), width=200)
    lives = Lives(UNTOUCHED, LIVED)
    show(Comparison(lives, lives, {"care_call": lives}), found, "CNY", console)
    told = console.file.getvalue()
    for words in (
        "25.0%",
        "22.5%",
        "-10.0%",
        "care_call │       200 │           25.0% │         22.5% │ -10.0% │           +10.0%",
        "14 CNY spent of 40, 4 of it to learn",
        "the plans expected to keep 6.5 customers; at the end +5 are there",
        "30 CNY more margin than untouched: net +16 CNY",
        "of a booking within 90 days: +2.0% (+1.0% to +3.0%)",
        "the holdouts cannot say yet what the rounds did to margin within 90 days, CNY",
    ):
        assert words in told, words
