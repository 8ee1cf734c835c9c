"""The benchmark of warnings: what was true of whom on a day, on a hand-made truth."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.warnings_judged import lead_days, outcomes

DAY = date(2025, 3, 31)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Gone, fading, deciding in September, deciding in October, loyal; `second` is gone's other account."""
    people = ["gone", "fading", "september", "october", "loyal"]
    (tmp_path / "customer_months").mkdir()
    (tmp_path / "turning_points").mkdir()
    accounts = pd.DataFrame({"customer_id": [*people, "second"], "person": [*people, "gone"]})
    accounts.to_parquet(tmp_path / "accounts.parquet")
    states = pd.DataFrame(
        {
            "customer_id": people,
            "month": pd.Timestamp("2025-03-01"),
            "state": ["gone", "fading", "active", "active", "active"],
            "has_decided": False,
        }
    )
    states.to_parquet(tmp_path / "customer_months" / "a.parquet")
    events = pd.DataFrame(
        [
            ("gone", "2025-02-01", "left"),
            ("fading", "2025-03-01", "decided_to_leave"),
            ("fading", "2025-05-01", "left"),
            ("september", "2025-09-01", "decided_to_leave"),
            ("september", "2025-12-01", "left"),
            ("october", "2025-10-01", "decided_to_leave"),
        ],
        columns=["customer_id", "month", "event"],
    )
    events["month"] = pd.to_datetime(events["month"])
    events.to_parquet(tmp_path / "turning_points" / "a.parquet")
    return tmp_path


def test_a_decision_within_six_months_counts_and_a_later_one_does_not(truth):
    names = ["gone", "second", "fading", "september", "october", "loyal"]
    rows = pd.DataFrame({"customer_id": names, "day": DAY, "kind": "warned"})
    judged = outcomes(rows, truth).set_index("kind").loc["warned"]
    assert judged["customers"] == 6
    assert judged["left"] == pytest.approx(2 / 6)
    assert judged["leaving"] == judged["decides"] == pytest.approx(1 / 6)
    assert judged["loyal"] == pytest.approx(2 / 6)


def test_days_count_from_the_first_warning_to_the_leaving_half_a_year_around_it(truth):
    warnings = pd.DataFrame(
        {
            "customer_id": ["gone", "fading", "fading", "september", "loyal"],
            "raised_on": [DAY, DAY, date(2025, 4, 30), DAY, DAY],
        }
    )
    (lead,) = lead_days(warnings, truth).itertuples()
    # September's leaving in December is 245 days away; gone left 58 days before, fading 31 days after.
    assert lead.customers == 2
    assert lead.warned_before_left == 0.5
    assert (lead.lower, lead.upper) == pytest.approx((-58 + 0.25 * 89, -58 + 0.75 * 89))
