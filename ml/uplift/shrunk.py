"""The shrunk learner: an orthogonal (R-) learner with a few bases, pulled to a common mean and that to
nothing.

Robinson's (1988) partialling out, as Nie and Wager's (2021) R-learner uses it: outcome less its expectation
is regressed on (arm − treated share) × effect. The effect is a share of what there is to move (expected
margin of the year, chance that can move), so that it may be told from few customers: share × size × (1 +
bases), where money counts less than in proportion (size_exponents). The shares of all actions whose worth is
counted alike are normal around a common mean, that mean normal around nothing (empirical Bayes; Efron and
Morris 1975).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.uplift.bases import Scale, suits
from ml.uplift.frame import DOSE
from ml.uplift.settings import parameters


@dataclass
class Shrunk:
    """A fitted learner of one outcome.

    Attributes:
        size: column of what there is to move.
        shares: action → mean coefficients (1 + k,) and their covariance.
        scales: action → Scale of its bases.
        reference: size at which an effect is `share` of it: the mean over what there is to move.
        most: action → what a whole share is at most, since what costs little is not believed to move much.
    """

    size: str
    shares: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    scales: dict[str, Scale] = field(default_factory=dict)
    reference: float = 1.0
    most: dict[str, float] = field(default_factory=dict)

    def moves(self, rows: pd.DataFrame, action: str) -> np.ndarray:
        """What an effect of one whole share is for each row; 0 for whom the action can do nothing; (n,)."""
        exponent = parameters()["size_exponents"].get(self.size, 1.0)
        size = np.maximum(rows[self.size].to_numpy(float), 0.0)
        moves = size**exponent * self.reference ** (1 - exponent)
        return np.minimum(moves, self.most.get(action, np.inf)) * suits(rows, action)

    def effect(self, rows: pd.DataFrame, action: str) -> tuple[np.ndarray, np.ndarray]:
        """Effect of an action on each row and its standard error; 0 ± the prior's spread without evidence."""
        moves = self.moves(rows, action)
        if action not in self.shares:
            chosen = parameters()
            spread = np.hypot(chosen["prior_mean_sd"], chosen["prior_spread"])
            return np.zeros(len(rows)), moves * spread
        mean, covariance = self.shares[action]
        x = np.column_stack([np.ones(len(rows)), self.scales[action].standardised(rows)])
        se = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", x, covariance, x), 0.0))
        return moves * (x @ mean), moves * se


def fit_shrunk(rows: pd.DataFrame, outcome: str, expected: str, size: str) -> Shrunk:
    """Fit all actions of `rows` (see UpliftFrame.learned) at once.

    Whoever is held out is often treated in the next round: what that did within the window is taken out with
    the effects themselves, round by round until both agree (g-estimation; Vansteelandt and Joffe 2014).

    Args:
        outcome, expected, size: columns: what happened, what was expected of it, and what there is to move.
    """
    found = Shrunk(size)
    for _ in range(parameters()["rounds"]):
        found = _fit_once(
            rows.assign(**{outcome: without_later(rows, outcome, found)}), outcome, expected, size
        )
    return found


def without_later(rows: pd.DataFrame, outcome: str, learner: Shrunk) -> np.ndarray:
    """The outcome less what other treatments within the window added, by what is known of them; (n,)."""
    clean = rows[outcome].to_numpy(float).copy()
    for action in learner.shares:
        dose = rows[DOSE + action].to_numpy(float)
        at = np.flatnonzero(dose)
        clean[at] -= dose[at] * learner.effect(rows.iloc[at], action)[0]
    return clean


def _fit_once(rows: pd.DataFrame, outcome: str, expected: str, size: str) -> Shrunk:
    chosen, sizes = parameters(), rows[size].clip(lower=0.0)
    found = Shrunk(
        size,
        reference=float((sizes**2).sum() / max(sizes.sum(), 1e-9)) or 1.0,
        most=_most(rows, chosen["most_return_on_cost"].get(size), chosen["prior_mean_sd"]),
    )
    parts = {name: _part(part, name, outcome, expected, found) for name, part in rows.groupby("action")}
    parts = {name: part for name, part in parts.items() if part is not None}
    if not parts:
        return found
    for group in _counted_alike(parts, outcome):
        _fit_together(found, {name: parts[name] for name in group})
    return found


def _counted_alike(actions: Iterable[str], outcome: str) -> list[list[str]]:
    """Actions that may learn from each other, since their worth is counted over the same time.

    The margin of a window alone, as of a discount, is known far better than that of a year, and would draw
    the common mean to itself.
    """
    if outcome != "value":
        return [list(actions)]
    shares = parameters()["rest_of_year_share"]
    groups: dict[float, list[str]] = {}
    for action in actions:
        groups.setdefault(shares.get(action, shares["default"]), []).append(action)
    return list(groups.values())


def _fit_together(found: Shrunk, parts: dict[str, "_Part"]) -> None:
    chosen = parameters()
    one = {name: _mean_share(part) for name, part in parts.items()}
    shares, ses = (np.array([pair[i] for pair in one.values()]) for i in (0, 1))
    mean, spread, mean_sd = hyper(shares, ses, chosen["prior_mean_sd"], chosen["prior_spread"])
    for name, part in parts.items():
        bend = chosen["heterogeneity"] * np.hypot(mean, spread)
        k = part.x.shape[1] - 1
        prior = np.diag([spread**2 + mean_sd**2, *([bend**2] * k)])
        center = np.array([mean, *([0.0] * k)])
        found.shares[name] = _posterior(part, center, prior)
        found.scales[name] = part.scale


def _most(rows: pd.DataFrame, times_cost: float | None, prior_mean_sd: float) -> dict[str, float]:
    """Action → the whole share whose prior standard deviation is so many times what one treatment costs."""
    if times_cost is None:
        return {}
    costs = rows[rows["is_treated"].astype(bool)].groupby("action")["cost"].mean()
    return {action: times_cost * cost / prior_mean_sd for action, cost in costs.items() if cost > 0}


@dataclass(frozen=True)
class _Part:
    """One action: design (n, 1 + k) already times (arm − share) and size, residual and weight (n,).

    `contrast`: how much more, in windows, the treated were treated than those held out, who may have had
    their turn later; 1 where nothing else was done. An effect is known the less, the less the arms differ.
    """

    x: np.ndarray
    residual: np.ndarray
    weight: np.ndarray
    scale: Scale
    customer: np.ndarray
    contrast: float


def _part(rows: pd.DataFrame, action: str, outcome: str, expected: str, learner: Shrunk) -> _Part | None:
    chosen = parameters()
    moves = learner.moves(rows, action)
    rows, moves = rows[moves > 0], moves[moves > 0]
    if len(rows) < chosen["min_assignments"] or (~rows["is_treated"]).sum() < chosen["min_control"]:
        return None
    residual = rows[outcome] - rows[expected]
    residual = (residual - residual.groupby(rows["stratum"]).transform("mean")).to_numpy()
    dose = (rows["is_treated"] - rows["treated_share"]).to_numpy() * moves
    scale = Scale.of(rows)
    x = np.column_stack([np.ones(len(rows)), scale.standardised(rows)]) * dose[:, None]
    # The variance of an outcome grows with what there is to move, and is never nothing.
    weight = 1 / (moves + 0.1 * moves.mean())
    later = rows.filter(regex=f"^{DOSE}").to_numpy(float).sum(axis=1) * moves
    contrast = 1 + float((weight * dose * later).sum() / (weight * dose**2).sum())
    return _Part(
        x, residual, weight, scale, pd.factorize(rows["customer_id"])[0], float(np.clip(contrast, 0.2, 1))
    )


def _mean_share(part: _Part) -> tuple[float, float]:
    """The action's share for everybody, and its standard error by customers."""
    dose, weight = part.x[:, 0], part.weight
    information = float((weight * dose**2).sum())
    share = float((weight * dose * part.residual).sum()) / information
    scores = np.bincount(part.customer, weight * dose * (part.residual - share * dose))
    return share, float(np.sqrt(scores @ scores)) / information / part.contrast


def hyper(
    shares: np.ndarray, ses: np.ndarray, mean_sd: float, likely_spread: float
) -> tuple[float, float, float]:
    """Mean of the actions' shares, their spread, and the standard error of that mean.

    The spread is that of the greatest posterior density, with a gamma(2) prior, which keeps it off zero.
    """
    grid = np.geomspace(1e-4, 1.0, 200)
    variance = ses[:, None] ** 2 + grid**2
    precision = (1 / variance).sum(axis=0) + 1 / mean_sd**2
    mean = (shares[:, None] / variance).sum(axis=0) / precision
    density = -0.5 * (np.log(variance) + (shares[:, None] - mean) ** 2 / variance).sum(axis=0)
    density += -0.5 * np.log(precision) - 0.5 * (mean / mean_sd) ** 2 + np.log(grid) - grid / likely_spread
    best = int(np.argmax(density))
    return float(mean[best]), float(grid[best]), float(1 / np.sqrt(precision[best]))


def _posterior(part: _Part, center: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the coefficients; the noise is that of the weighted residuals."""
    weighted = part.x * part.weight[:, None]
    information, score = weighted.T @ part.x, weighted.T @ part.residual
    information, score = part.contrast**2 * information, part.contrast**2 * score
    noise = float((part.weight * part.residual**2).mean())
    inverse_prior = np.diag(1 / np.maximum(np.diag(prior), 1e-12))
    covariance = np.linalg.inv(information / noise + inverse_prior)
    return covariance @ (score / noise + inverse_prior @ center), covariance
