"""What later treatments within a window did to an outcome, so that an effect can be told without them.

Whoever is held out from one round is often chosen, and treated, in the next, while those treated rest. Within
the window the control arm has then been treated as well, only later, and a plain comparison tells the worth
of a month's head start. Every later arm was drawn at random, too, so the effect of a later treatment can be
estimated on its own
and taken out: g-estimation of a structural nested mean model (Robins 1994; Vansteelandt and Joffe 2014).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from roundtrip.measure.estimate import Sample, means_of

#: Effects and what the past says depend on each other; they agree to four digits after so many rounds.
_ROUNDS = 4


@dataclass(frozen=True)
class Blips:
    """Effects of whole windows of later treatment, by group of actions.

    Attributes:
        dose: later treatments of each row, by group, in windows (half a window left counts one half): shape
            (n, g).
        effect: of one whole window, shape (g,).  influence: of each customer on it, shape (customers, g).
    """

    dose: np.ndarray
    effect: np.ndarray
    influence: np.ndarray

    def without(self, outcome: np.ndarray) -> np.ndarray:
        """The outcome less what later treatments added to it."""
        return outcome - self.dose @ self.effect

    def influence_on(self, weight: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """How much each customer moves Σ weight × outcome through these effects; shape (customers,)."""
        return self.influence @ (weight @ self.dose[rows])


def later_blips(
    sample: Sample,
    outcome: np.ndarray,
    action: np.ndarray,
    later: pd.DataFrame,
    days: int,
    least_control: int,
) -> Blips:
    """Estimate what later treatments did within windows of `days`.

    For the pair of an assignment and a later one, the later arm is independent of all that went before, so
    with its treated share p, Σ (T − p)/(1 − p) × (outcome − effects × doses from it on) = 0. The effect is
    proportional to the share of the window that was left. Actions with fewer than `least_control` later
    controls share one.

    Args:
        outcome: NaN where the window is open.
        action: of each row.
        later: place, later (rows of the sample), days; see Assignments.
    """
    n, customers = len(outcome), int(sample.customer.max(initial=-1)) + 1
    pairs = later[(later["days"] < days) & np.isfinite(outcome[later["place"]])]
    at, follower = pairs["place"].to_numpy(), pairs["later"].to_numpy()
    left = 1 - pairs["days"].to_numpy() / days
    group, groups = _groups(action, follower[~sample.is_treated[follower]], least_control)
    of_pair = group[follower]
    treated = sample.is_treated[follower]
    share = _shares(sample)[follower]
    dose = np.zeros((n, groups))
    np.add.at(dose, (at[treated], of_pair[treated]), left[treated])
    can_tell = (share > 0) & (share < 1)
    if not can_tell.any():
        return Blips(np.zeros((n, 0)), np.zeros(0), np.zeros((customers, 0)))
    z = np.where(can_tell, (treated - share) / np.where(can_tell, 1 - share, 1), 0.0)
    from_then_on = _doses_from(at, follower, of_pair, treated, left, groups)
    slopes = np.zeros((groups, groups))
    np.add.at(slopes, of_pair, z[:, None] * from_then_on)
    inverse, effect = np.linalg.pinv(slopes, rcond=1e-6), np.zeros(groups)
    for _ in range(_ROUNDS):
        # What the past says of an outcome is learned from outcomes without later treatments.
        clean = outcome - dose @ effect
        centred = (outcome - clean + _without_past(sample, clean))[at]
        moments = np.zeros(groups)
        np.add.at(moments, of_pair, z * centred)
        effect = inverse @ moments
    scores = np.zeros((customers, groups))
    np.add.at(scores, (sample.customer[at], of_pair), z * (centred - from_then_on @ effect))
    return Blips(dose, effect, scores @ inverse.T)


def _groups(action: np.ndarray, held_out: np.ndarray, least: int) -> tuple[np.ndarray, int]:
    """Group of each row by action: with enough later controls its own, else the last one; and how many."""
    names, code = np.unique(action.astype(str), return_inverse=True)
    enough = np.bincount(code[held_out], minlength=len(names)) >= least
    number = np.where(enough, np.cumsum(enough) - 1, enough.sum())
    return number[code], int(enough.sum()) + 1


def _shares(sample: Sample) -> np.ndarray:
    size = np.bincount(sample.stratum)
    return (np.bincount(sample.stratum, sample.is_treated) / np.maximum(size, 1))[sample.stratum]


def _without_past(sample: Sample, outcome: np.ndarray) -> np.ndarray:
    """Residuals of a regression on stratum, own arm and covariates, which no later arm depends on."""
    known = np.isfinite(outcome)
    y, cell = outcome[known], 2 * sample.stratum[known] + sample.is_treated[known]
    size = np.bincount(cell)
    x = sample.covariates[known]
    y = y - (np.bincount(cell, y) / np.maximum(size, 1))[cell]
    x = x - means_of(x, cell, size)[cell]
    residual = np.full(len(outcome), np.nan)
    residual[known] = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return residual


def _doses_from(at, follower, of_pair, treated, left, groups: int) -> np.ndarray:
    """By pair, the doses of its later treatment and of those after it in the window; (pairs, groups)."""
    order = np.lexsort((follower, at))
    own = np.zeros((len(at), groups))
    own[np.arange(len(at)), of_pair] = treated * left
    total = np.cumsum(own[order][::-1], axis=0)[::-1]
    # What comes after the last pair of the same assignment is another's.
    last = np.searchsorted(at[order], at[order], side="right")
    beyond = np.vstack([total, np.zeros((1, groups))])[last]
    found = np.empty_like(own)
    found[order] = total - beyond
    return found
