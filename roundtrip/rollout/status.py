"""The rules by which a target is called on track, achieved, at risk, missed or not yet measurable.

Gains are changes in the wanted direction, as shares of the baseline: churn that fell by 12 % gains 0.12.
"""

from dataclasses import dataclass
from typing import Literal

NOT_STARTED, NOT_YET_MEASURABLE = "not_started", "not_yet_measurable"
ON_TRACK, ACHIEVED, AT_RISK, MISSED = "on_track", "achieved", "at_risk", "missed"
STATUSES = (NOT_STARTED, NOT_YET_MEASURABLE, ON_TRACK, ACHIEVED, AT_RISK, MISSED)


@dataclass(frozen=True)
class Verdict:
    """A status, and the key of its reason in words.yml."""

    status: Literal["not_yet_measurable", "on_track", "achieved", "at_risk", "missed"]
    reason: str


def judge(gain: float, low: float, high: float, needed: float, is_over: bool, is_due: bool) -> Verdict:
    """The status of a target in one phase.

    Args:
        gain, low, high: the gain and its 95 % interval.
        needed: the least of the target band, above 0.
        is_over: the phase's last month is measured.
        is_due: the phase is the last of the plan, by whose end the target must be reached.
    """
    if low <= 0 and high >= needed:
        return Verdict(NOT_YET_MEASURABLE, "too_uncertain")
    if gain >= needed:
        is_safe = is_over or low >= needed
        return Verdict(ACHIEVED, "reached") if is_safe else Verdict(ON_TRACK, "in_band_so_far")
    if is_over and is_due:
        return Verdict(MISSED, "not_reached")
    if low > 0 and high >= needed:
        return Verdict(ON_TRACK, "improving")
    return Verdict(AT_RISK, "out_of_reach" if low > 0 else "no_gain")
