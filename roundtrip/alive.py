"""Fitting the buy-till-you-die model behind probability_alive: the MBG/NBD.

Who buys does so at a rate of their own (gamma distributed: r, alpha), and after every purchase, the first one
too, may be gone for ever with a chance of their own (beta distributed: a, b). The BG/NBD lets nobody go after
the first purchase, so that all one-time buyers stay alive for ever; this is its one difference.

Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base
analysis, International Journal of Research in Marketing 24(3), 201-209. Hoppe and Wagner (2007), Customer
base analysis: the case for a central variant of the Betageometric/NBD model, Marketing JRM 3(2), 75-90.
"""

from dataclasses import dataclass

import numpy as np

#: No parameter is looked for outside: beyond, customers are all alike (large), or all at zero or one (small).
BOUNDS = (1e-3, 1e4)
#: Digits kept of a parameter, so that machines whose logarithms differ in the last bit agree.
DIGITS = 6
#: Where the search begins: shapes r, a, b; alpha follows from the mean rate. The best of three is taken.
_STARTS = ((1.0, 1.0, 1.0), (0.3, 0.3, 3.0), (3.0, 1.0, 10.0))


@dataclass(frozen=True)
class Parameters:
    """Parameters of the MBG/NBD.

    Attributes:
        r: shape of the gamma distribution of purchase rates.
        alpha: its rate parameter, in the unit of time of the counts (weeks); r / alpha is the mean rate.
        a: first shape of the beta distribution of the chance to leave after a purchase.
        b: its second shape; a / (a + b) is the mean chance.
        log_likelihood: mean per customer, in nats, without the terms that hold no parameter.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


def fit(
    repeats: np.ndarray, recency: np.ndarray, age: np.ndarray, customers: np.ndarray
) -> Parameters | None:
    """Maximum likelihood on grouped customers; the same rows in the same order give the same parameters.

    Args:
        repeats: (n,) purchase occasions after the first.
        recency: (n,) time from the first to the last, 0 where there are no repeats.
        age: (n,) time from the first up to the date, in the same unit.
        customers: (n,) how many customers share the three.

    Returns:
        The parameters, rounded to six digits; None where no search came to an end.
    """
    from scipy.optimize import minimize

    repeats, recency, age, customers = (
        np.asarray(values, dtype=float) for values in (repeats, recency, age, customers)
    )
    rate = (repeats * customers).sum() / max((age * customers).sum(), 1.0)
    if customers.sum() == 0 or rate == 0:
        return None
    likelihood = _Likelihood(repeats, recency, age, customers)
    lowest, highest = np.log(BOUNDS)
    found = []
    for r, a, b in _STARTS:
        start = np.clip(np.log([r, r / rate, a, b]), lowest, highest)
        result = minimize(
            likelihood.loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(lowest, highest)] * 4,
            options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-7},
        )
        # Status 2: the line search can get no further down, at double precision: an end as good as any.
        if result.status in (0, 2) and np.isfinite(result.fun):
            found.append(result)
    if not found:
        return None
    best = min(found, key=lambda result: result.fun)
    values = [float(f"{value:.{DIGITS}g}") for value in np.exp(best.x)]
    return Parameters(*values, log_likelihood=float(f"{-best.fun:.{DIGITS}g}"))


def probability_alive(
    parameters: Parameters, repeats: np.ndarray, recency: np.ndarray, age: np.ndarray
) -> np.ndarray:
    """The chance that a customer has not left for ever, as macro `probability_alive` has it in SQL."""
    odds_of_gone = (
        parameters.a
        / (parameters.b + repeats)
        * ((parameters.alpha + age) / (parameters.alpha + recency)) ** (parameters.r + repeats)
    )
    return 1 / (1 + odds_of_gone)


class _Likelihood:
    """The mean log-likelihood and its gradient; terms of `repeats` alone are computed once per number."""

    def __init__(self, repeats, recency, age, customers):
        self.repeats, self.recency, self.age = repeats, recency, age
        self.weights = customers / customers.sum()
        self.counts, place = np.unique(repeats, return_inverse=True)
        self.count_weights = np.bincount(place, weights=self.weights)

    def loss(self, log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Minus the mean log-likelihood, and its gradient by the logarithms of r, alpha, a, b."""
        from scipy.special import digamma, expit, gammaln

        r, alpha, a, b = np.exp(log_parameters)
        counts, repeats = self.counts, self.repeats
        log_age, log_recency = np.log(alpha + self.age), np.log(alpha + self.recency)
        log_odds_of_gone = np.log(a) - np.log(b + repeats) + (r + repeats) * (log_age - log_recency)
        gone = expit(log_odds_of_gone)
        of_counts = (
            gammaln(r + counts)
            - gammaln(r)
            + gammaln(b + counts + 1)
            - gammaln(b)
            - gammaln(a + b + counts + 1)
            + gammaln(a + b)
        )
        of_times = r * np.log(alpha) - (r + repeats) * log_age + np.logaddexp(0, log_odds_of_gone)
        value = (self.count_weights * of_counts).sum() + (self.weights * of_times).sum()

        mean_gone = (self.weights * gone).sum()
        both = digamma(a + b) - digamma(a + b + counts + 1)
        by_r = (self.count_weights * (digamma(r + counts) - digamma(r))).sum() + (
            self.weights * (np.log(alpha) - log_age + gone * (log_age - log_recency))
        ).sum()
        by_alpha = (
            self.weights
            * (
                r / alpha
                - (r + repeats) / (alpha + self.age)
                + gone * (r + repeats) * (1 / (alpha + self.age) - 1 / (alpha + self.recency))
            )
        ).sum()
        by_a = (self.count_weights * both).sum() + mean_gone / a
        by_b = (self.count_weights * (both + digamma(b + counts + 1) - digamma(b))).sum() - (
            self.weights * gone / (b + repeats)
        ).sum()
        return -value, -np.array([by_r * r, by_alpha * alpha, by_a * a, by_b * b])
