"""An average treatment effect from randomised strata: adjusted by covariates, robust, clustered by customer.

Every estimate here is a weighted sum of outcomes, so its influences, their clusters and what later treatments
did to it are sums over the same weights.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

#: Of a covariate within an arm, beside 1 in the sample.
_LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class Sample:
    """What effects are estimated from; all of shape (n,) but covariates (n, k).

    Attributes:
        stratum, customer: codes 0…; chance decided the arm within a stratum.
        is_treated: the arm.  covariates: without NaN, known before the assignment.
    """

    stratum: np.ndarray
    customer: np.ndarray
    is_treated: np.ndarray
    covariates: np.ndarray

    def only(self, which: np.ndarray) -> "Sample":
        """The rows where `which` is true, or at these positions."""
        return Sample(
            self.stratum[which], self.customer[which], self.is_treated[which], self.covariates[which]
        )


@dataclass(frozen=True)
class Weights:
    """effect = Σ weight × outcome, and what its variance needs; shape (m,), for the rows `rows` of a sample.

    Attributes:
        scale: 1 / √(1 − leverage), which makes squared residuals unbiased (HC2; MacKinnon and White 1985).
        cell: code of stratum and arm.
        slopes: projects outcomes onto the covariates of an arm: residuals are taken from it.
    """

    rows: np.ndarray
    weight: np.ndarray
    scale: np.ndarray
    cell: np.ndarray
    arms: tuple


@dataclass(frozen=True)
class Effect:
    """An estimated difference treatment − control with its 1 − alpha interval and two-sided p value.

    Attributes:
        influence: of each customer code on the estimate, shape (customers,); its squares sum up to se².
        mean_control: mean outcome of the controls, strata weighted as in the effect.
    """

    value: float
    se: float
    low: float
    high: float
    p_value: float
    degrees: float
    mean_control: float
    influence: np.ndarray


def usable_strata(sample: Sample, least: int) -> np.ndarray:
    """Rows of strata with at least `least` customers in both arms; shape (n,), bool."""
    size = int(sample.stratum.max(initial=-1)) + 1
    treated = np.bincount(sample.stratum, sample.is_treated, size)
    control = np.bincount(sample.stratum, ~sample.is_treated, size)
    return ((treated >= least) & (control >= least))[sample.stratum]


def weights_of(sample: Sample, least: int = 2, covariates: int | None = None) -> Weights | None:
    """The weights of the mean effect over all rows in usable strata; None where there is no such stratum.

    Each arm has its own slopes (interactions; Lin 2013), common to the strata, each stratum its own mean.
    Strata count by their size, so the effect is the mean over those assigned, in either arm.

    Args:
        covariates: use only so many, the first ones; none gives the plain difference in means.
    """
    rows = np.flatnonzero(usable_strata(sample, least))
    if not len(rows):
        return None
    part = sample.only(rows)
    _, stratum = np.unique(part.stratum, return_inverse=True)
    count = np.bincount(stratum)
    x = part.covariates[:, : part.covariates.shape[1] if covariates is None else covariates]
    means = means_of(x, stratum, count)
    weight, scale, arms = np.zeros(len(rows)), np.zeros(len(rows)), []
    for is_arm, sign in ((part.is_treated, 1.0), (~part.is_treated, -1.0)):
        at = np.flatnonzero(is_arm)
        size = np.bincount(stratum[at], minlength=len(count))
        arm_means = means_of(x[at], stratum[at], size)
        inside = x[at] - arm_means[stratum[at]]
        projection = _inverse(inside.T @ inside, len(at)) @ inside.T
        shift = (count / len(rows)) @ (means - arm_means)
        weight[at] = sign * (count[stratum[at]] / len(rows) / size[stratum[at]] + shift @ projection)
        leverage = 1 / size[stratum[at]] + np.einsum("ij,ji->i", inside, projection)
        scale[at] = 1 / np.sqrt(np.clip(1 - leverage, 0.02, 1))
        arms.append((at, stratum[at], size, inside, projection))
    return Weights(rows, weight, scale, 2 * stratum + part.is_treated, tuple(arms))


def _inverse(gram: np.ndarray, rows: int) -> np.ndarray:
    """Pseudo-inverse of the covariates' sums of products (k, k) over so many rows.

    Directions in which an arm hardly varies say nothing and have no slope. Covariates have a spread of 1 over
    the whole sample, so "hardly" is a size of its own: beside each other, rounding errors would look like
    something where no covariate varies at all, as among prospects.
    """
    values, vectors = np.linalg.eigh(gram)
    is_told = values > np.maximum(_LEAST_VARIANCE * rows, 1e-9 * values.max(initial=0.0))
    return (vectors[:, is_told] / values[is_told]) @ vectors[:, is_told].T


def effect_of(
    sample: Sample,
    outcome: np.ndarray,
    weights: Weights,
    alpha: float,
    more_influence: np.ndarray | None = None,
) -> Effect:
    """The effect on an outcome of shape (n,) of the sample that `weights` are for.

    Args:
        more_influence: of each customer, subtracted: from an estimate that has gone into `outcome`.
    """
    y = outcome[weights.rows]
    residual = np.zeros(len(y))
    for at, stratum, size, inside, projection in weights.arms:
        centred = y[at] - (np.bincount(stratum, y[at], len(size)) / np.maximum(size, 1))[stratum]
        residual[at] = centred - inside @ (projection @ centred)
    parts = weights.weight * weights.scale * residual
    customers = int(sample.customer.max()) + 1 if more_influence is None else len(more_influence)
    influence = np.bincount(sample.customer[weights.rows], parts, customers)
    if more_influence is not None:
        influence = influence - more_influence
    value, se = float(weights.weight @ y), float(np.sqrt(influence @ influence))
    degrees = _degrees(parts, weights.cell)
    reach = stats.t.ppf(1 - alpha / 2, degrees) * se
    p_value = float(2 * stats.t.sf(abs(value) / se, degrees)) if se > 0 else float("nan")
    at, stratum, size, *_ = weights.arms[1]
    of_all = np.bincount(weights.cell // 2) / len(y)
    mean_control = float(of_all @ (np.bincount(stratum, y[at], len(size)) / size))
    return Effect(value, se, value - reach, value + reach, p_value, degrees, mean_control, influence)


def means_of(x: np.ndarray, code: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean of the rows of x (n, k) by code, given how many each has; shape (codes, k)."""
    sums = np.zeros((len(count), x.shape[1]))
    np.add.at(sums, code, x)
    return sums / np.maximum(count, 1)[:, None]


def _degrees(parts: np.ndarray, cell: np.ndarray) -> float:
    """Welch and Satterthwaite's degrees of freedom, each arm of a stratum having its own variance."""
    variance, size = np.bincount(cell, parts**2), np.bincount(cell)
    there = size > 1
    below = (variance[there] ** 2 / (size[there] - 1)).sum()
    return float(max(variance[there].sum() ** 2 / below, 1.0)) if below > 0 else float(len(parts) - 2)
