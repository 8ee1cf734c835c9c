"""Choosing one option for each customer under limits: a multiple-choice knapsack with several resources.

The limits get prices (Lagrange multipliers). At given prices everybody's best option is found by itself, and
the sum is a bound that no plan can exceed; the prices with the lowest bound are found by cutting planes
(Kelley 1960, J. SIAM 8:703). A plan is read off at these prices, and filled up where the limits leave room.
What lies between the plan's value and the bound is the gap; where it is not closed and the problem is small,
branch and bound (HiGHS through scipy.optimize.milp) closes it.
"""

from dataclasses import dataclass

import numpy as np

_EPSILON = 1e-9
_FILLING_PASSES = 50


@dataclass(frozen=True)
class Limit:
    """What an option uses of something that is short.

    Attributes:
        uses: shape (options,), not negative.
        available: in the same unit.
    """

    name: str
    uses: np.ndarray
    available: float


@dataclass(frozen=True)
class Solution:
    """
    Attributes:
        chosen: shape (options,), bool; at most one option a customer, every limit kept.
        value: of what is chosen.  bound: no plan is worth more.
        prices: by limit, what one more unit of it would be worth.
    """

    chosen: np.ndarray
    value: float
    bound: float
    prices: dict[str, float]

    @property
    def gap(self) -> float:
        """Share of the bound that the plan may lie below the optimum."""
        return max(0.0, (self.bound - self.value) / self.bound) if self.bound > _EPSILON else 0.0


def solve(customer: np.ndarray, value: np.ndarray, limits: list[Limit], settings: dict) -> Solution:
    """The plan of most value, or nearly so.

    Args:
        customer: shape (options,), whose option it is: whole numbers, sorted.
        value: shape (options,); options without a positive one are never chosen.
        limits: those that may bind.
        settings: `solver` of parameters.yml.
    """
    problem = _Problem(customer, value, [limit for limit in limits if np.isfinite(limit.available)])
    prices, bound = problem.cheapest_prices(settings["max_cuts"], settings["gap"] / 10)
    chosen = problem.plan_at(prices)
    worth = float(value[chosen].sum())
    if bound - worth > settings["gap"] * bound and len(value) <= settings["exact_up_to_options"]:
        exact, exact_bound = problem.exact(settings["gap"], settings["exact_seconds"])
        bound = min(bound, exact_bound)
        if exact is not None and value[exact].sum() > worth:
            chosen, worth = exact, float(value[exact].sum())
    names = [limit.name for limit in problem.limits]
    told = dict.fromkeys((limit.name for limit in limits), 0.0)
    return Solution(
        chosen, worth, max(bound, worth), told | dict(zip(names, map(float, prices), strict=True))
    )


class _Problem:
    def __init__(self, customer: np.ndarray, value: np.ndarray, limits: list[Limit]):
        self.customer, self.value, self.limits = customer, value, limits
        self.uses = np.array([limit.uses for limit in limits]).reshape(len(limits), len(value))
        self.available = np.array([limit.available for limit in limits])
        self.starts = np.flatnonzero(np.r_[True, customer[1:] != customer[:-1]]) if len(customer) else []
        #: Options that could be chosen at all.
        self.fits = (value > 0) & (self.uses <= self.available[:, None] + _EPSILON).all(axis=0)

    def reduced(self, prices: np.ndarray) -> np.ndarray:
        """What an option is worth after paying for what it uses; -inf where it cannot be chosen."""
        return np.where(self.fits, self.value - prices @ self.uses, -np.inf)

    def best_of_each(self, worth: np.ndarray) -> np.ndarray:
        """Position of the best option of each customer, shape (customers,); the first of equals."""
        most = np.maximum.reduceat(worth, self.starts)
        counts = np.diff(np.r_[self.starts, len(worth)])
        is_best = np.flatnonzero(worth == np.repeat(most, counts))
        _, first = np.unique(self.customer[is_best], return_index=True)
        return is_best[first]

    def bound_at(self, prices: np.ndarray) -> tuple[float, np.ndarray]:
        """The bound at some prices, and its slope."""
        worth = self.reduced(prices)
        best = self.best_of_each(worth)
        best = best[worth[best] > 0]
        bound = worth[best].sum() + prices @ self.available
        return float(bound), self.available - self.uses[:, best].sum(axis=1)

    def cheapest_prices(self, max_cuts: int, tolerance: float) -> tuple[np.ndarray, float]:
        """The prices with the lowest bound, and that bound."""
        from scipy.optimize import linprog

        count = len(self.limits)
        prices = np.zeros(count)
        if not self.fits.any():
            return prices, 0.0
        lowest, slope = self.bound_at(prices)
        if not count or (slope >= 0).all():
            return prices, lowest
        best, cuts, heights = prices, [], []
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(self.fits & (self.uses > 0), self.value / self.uses, 0.0)
        ceilings = ratio.max(axis=1)
        bound = lowest
        for _ in range(max_cuts):
            cuts.append(slope)
            heights.append(bound - slope @ prices)
            # The lowest point below all tangents: minimise t where t >= height + slope . prices.
            found = linprog(
                np.r_[np.zeros(count), 1.0],
                A_ub=np.c_[np.array(cuts), -np.ones(len(cuts))],
                b_ub=-np.array(heights),
                bounds=[*((0, ceiling) for ceiling in ceilings), (None, None)],
                method="highs",
            )
            if not found.success:
                break
            prices = np.clip(found.x[:-1], 0, ceilings)
            bound, slope = self.bound_at(prices)
            if bound < lowest:
                best, lowest = prices, bound
            if lowest - found.fun <= tolerance * abs(lowest):
                break
        return best, lowest

    def plan_at(self, prices: np.ndarray) -> np.ndarray:
        """A plan that keeps every limit, from everybody's best option at these prices."""
        chosen = np.zeros(len(self.value), dtype=bool)
        if not self.fits.any():
            return chosen
        worth = self.reduced(prices)
        left = self.available.astype(float).copy()
        is_open = self.fits.copy()
        # Of equals at the prices, those first that give most for what is short.
        spent = prices @ self.uses
        order_by = np.where(spent > 0, self.value / np.where(spent > 0, spent, 1), np.inf)
        is_first = True
        for _ in range(_FILLING_PASSES):
            offered = np.where(is_open, worth if is_first else order_by, -np.inf)
            best = self.best_of_each(offered)
            best = best[offered[best] > (-_EPSILON if is_first else -np.inf)]
            is_first = False
            if not len(best):
                continue
            ranked = best[np.lexsort((best, -order_by[best], -worth[best]))]
            taken = self._prefix(ranked, left)
            if not len(taken):
                break
            chosen[taken] = True
            left -= self.uses[:, taken].sum(axis=1)
            is_open &= ~np.isin(self.customer, self.customer[taken])
            is_open &= (self.uses <= left[:, None] + _EPSILON).all(axis=0)
            if not is_open.any():
                break
        return chosen

    def _prefix(self, ranked: np.ndarray, left: np.ndarray) -> np.ndarray:
        """As many of the first as the limits allow; who does not fit leaves the room to those behind."""
        for row, available in zip(self.uses, left, strict=True):
            ranked = ranked[np.cumsum(row[ranked]) <= available + _EPSILON]
        return ranked

    def exact(self, gap: float, seconds: float) -> tuple[np.ndarray | None, float]:
        """Branch and bound: the plan (None: none was found in time) and what none can exceed."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array, vstack

        at = np.flatnonzero(self.fits)
        _, row = np.unique(self.customer[at], return_inverse=True)
        one_each = csr_array((np.ones(len(at)), (row, np.arange(len(at)))))
        rows = vstack([one_each, csr_array(self.uses[:, at])])
        most = np.r_[np.ones(one_each.shape[0]), self.available]
        found = milp(
            -self.value[at],
            integrality=np.ones(len(at)),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(rows, -np.inf, most),
            options={"mip_rel_gap": gap, "time_limit": seconds},
        )
        bound = np.inf if found.mip_dual_bound is None else -found.mip_dual_bound
        if found.x is None:
            return None, bound
        chosen = np.zeros(len(self.value), dtype=bool)
        chosen[at] = found.x > 0.5
        # The solver keeps limits but for its tolerance; a plan keeps them.
        if (self.uses[:, chosen].sum(axis=1) > self.available + _EPSILON).any():
            return None, bound
        return chosen, bound
