"""Lead days worked out by hand: thresholds, silences, first warnings, draws."""

import numpy as np
import pandas as pd
import pytest

from ml.early_warning import _Leads, silences

MONTHS = pd.date_range("2024-01-31", periods=6, freq="ME")


def frame_of(rows: list[tuple]) -> pd.DataFrame:
    """customer, month number, days since the last booking, label."""
    return pd.DataFrame(
        [
            {
                "customer_id": customer,
                "as_of_date": MONTHS[month],
                "days_since_last_booking": days,
                "label": label,
            }
            for customer, month, days, label in rows
        ]
    )


def test_a_warning_belongs_to_the_silence_before_the_loss_and_to_the_lookback():
    # Booked on 15 February: the row of January belongs to an older silence, that of June is after the loss.
    rows = frame_of(
        [("a", 0, 40, 0), ("a", 1, 14, 1), ("a", 2, 45, 1), ("a", 3, 75, 1), ("a", 5, 136, 1), ("b", 2, 5, 0)]
    )
    losses = pd.DataFrame({"customer_id": ["a"], "lost_on": [MONTHS[4]]})
    found = silences(rows, losses, lookback_months=12)
    assert found["place"].tolist() == [1, 2, 3]
    assert found["lead_days"].tolist() == [(MONTHS[4] - MONTHS[month]).days for month in (1, 2, 3)]
    assert silences(rows, losses, lookback_months=2)["place"].tolist() == [2, 3]


def leads_of(loyal: list[float], risks: list[float], share: float, times=None):
    """Loyal customers of months 0 and 1, and one who is lost in month 2 with these risks in both."""
    rows = frame_of(
        [(f"l{i}", month, 10, 0) for month in (0, 1) for i in range(len(loyal))]
        + [("x", 0, 60, 1), ("x", 1, 89, 1)]
    )
    losses = pd.DataFrame({"customer_id": ["x"], "lost_on": [MONTHS[2]]})
    values = {"model": np.array([*loyal, *loyal, *risks])}
    leads = _Leads(rows, silences(rows, losses, 12), values, share)
    return leads.of("model", np.ones((1, leads.customers)) if times is None else times)


def test_the_first_alarm_gives_the_lead():
    loyal = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    # One in ten may be alarmed about in vain: the threshold is 1.0, of two in ten 0.9.
    for share, risks, days in (
        (0.1, [0.95, 1.0], 31),
        (0.2, [0.95, 1.0], 60),
        (0.1, [0.95, 0.99], 0),
        (0.2, [0.9, 0.1], 60),
    ):
        lead, false = leads_of(loyal, risks, share)
        assert lead.tolist() == [[float(days)]], (share, risks)
        assert false[0] == pytest.approx(share)


def test_a_tie_that_is_too_large_is_not_alarmed_about():
    lead, false = leads_of([0.5] * 10, [0.5, 0.5], 0.1)
    assert (lead[0, 0], false[0]) == (0.0, 0.0)


def test_a_draw_moves_the_threshold():
    loyal = [0.1] * 9 + [0.9]
    once = np.ones((1, 11))
    # The one risky loyal customer drawn twice is more than one in ten.
    twice = once.copy()
    twice[0, 9] = 2
    assert leads_of(loyal, [0.95, 0.2], 0.1, once)[0].tolist() == [[60.0]]
    lead, false = leads_of(loyal, [0.95, 0.2], 0.1, twice)
    assert (lead[0, 0], false[0]) == (0.0, 0.0)
