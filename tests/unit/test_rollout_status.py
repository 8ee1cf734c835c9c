"""The rules of the status words, one line of the table in docs/rollout.md after the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundtrip.rollout.status import ACHIEVED, AT_RISK, MISSED, NOT_YET_MEASURABLE, ON_TRACK, Verdict, judge


@pytest.mark.parametrize(
    ("gain", "low", "high", "is_over", "is_due", "verdict"),
    [
        (0.05, -0.02, 0.12, True, True, Verdict(NOT_YET_MEASURABLE, "too_uncertain")),
        (0.15, -0.01, 0.31, False, False, Verdict(NOT_YET_MEASURABLE, "too_uncertain")),
        (0.15, 0.11, 0.19, False, False, Verdict(ACHIEVED, "reached")),
        (0.12, 0.02, 0.22, True, False, Verdict(ACHIEVED, "reached")),
        (0.12, 0.02, 0.22, False, True, Verdict(ON_TRACK, "in_band_so_far")),
        (0.07, 0.02, 0.12, False, True, Verdict(ON_TRACK, "improving")),
        (0.07, 0.02, 0.12, True, False, Verdict(ON_TRACK, "improving")),
        (0.07, 0.02, 0.12, True, True, Verdict(MISSED, "not_reached")),
        (0.05, 0.02, 0.08, False, True, Verdict(AT_RISK, "out_of_reach")),
        (0.03, -0.02, 0.08, True, False, Verdict(AT_RISK, "no_gain")),
        (-0.2, -0.3, -0.1, False, False, Verdict(AT_RISK, "no_gain")),
        (-0.2, -0.3, -0.1, True, True, Verdict(MISSED, "not_reached")),
    ],
)
def test_every_rule(gain, low, high, is_over, is_due, verdict):
    assert judge(gain, low, high, 0.10, is_over, is_due) == verdict


RANK = {MISSED: 0, AT_RISK: 0, ON_TRACK: 1, ACHIEVED: 2}
shares = st.floats(-0.9, 0.9)


@given(shares, st.floats(0, 0.049), st.floats(0.001, 0.3), st.booleans(), st.booleans())
def test_with_a_clear_interval_more_gain_is_never_called_worse(gain, half, more, is_over, is_due):
    """An interval narrower than the target never holds both no change and the target."""
    before = judge(gain, gain - half, gain + half, 0.10, is_over, is_due)
    after = judge(gain + more, gain + more - half, gain + more + half, 0.10, is_over, is_due)
    assert RANK[before.status] <= RANK[after.status]


@given(shares, st.floats(0, 0.5), st.booleans(), st.booleans())
def test_nothing_is_achieved_that_may_be_chance_and_only_the_end_can_miss(gain, half, is_over, is_due):
    verdict = judge(gain, gain - half, gain + half, 0.10, is_over, is_due)
    if verdict.status == ACHIEVED:
        assert gain - half > 0
        assert gain >= 0.10
    if verdict.status == MISSED:
        assert is_over
        assert is_due
