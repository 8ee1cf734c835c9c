"""Metrics of many bootstrap draws at once.

A draw of the cluster bootstrap (Efron 1979) says how often each customer was drawn. Every metric here is a
function of sums over rows, so that rows are added up once by customer, and the sums of a draw are a product
of two matrices: seconds for what took minutes row by row.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import sparse, special

from ml.profit import Costs

#: Rankings are kept to so many levels, the finest at the top. Two customers of one level count as tied: an
#: AUC is off by less than 0.0001 (tests/unit/test_ml_bootstrap.py), and only in the intervals.
LEVELS = 1000
#: Draws held at once: 50 x 100,000 customers x 8 bytes are 40 MB.
BLOCK = 50
#: Nodes of the quadrature over the acceptance rate: within 0.2 % of empulse's closed form at usual costs.
NODES = 50


def blocks_of_draws(customers: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """How often each customer is drawn, by draw; arrays of at most BLOCK draws, shape (draws, customers)."""
    random = np.random.default_rng(seed)
    for start in range(0, replicates, BLOCK):
        draws = min(BLOCK, replicates - start)
        yield np.array(
            [
                np.bincount(random.integers(0, customers, customers), minlength=customers)
                for _ in range(draws)
            ],
            dtype=float,
        )


class Sums:
    """What the metrics of one model on some rows need, added up by customer.

    Args:
        probability, label: shape (n,).
        code: number of each row's customer, shape (n,).
        customers: how many there are (more than `code` holds where rows are a part of all).
        calibration_bins: bins of equally many rows, a row's bin being that of the undrawn rows.
    """

    def __init__(self, probability, label, code, customers: int, calibration_bins: np.ndarray, bins: int):
        self.level, levels = ranked_levels(probability)

        def by_customer(column: np.ndarray, columns: int, values: np.ndarray) -> sparse.csr_matrix:
            return sparse.csr_matrix((values, (column, code)), shape=(columns, customers))

        ones, only = np.ones(len(label)), np.zeros(len(label), dtype=int)
        self._everyone = by_customer(self.level, levels, ones)
        self._churned = by_customer(self.level, levels, label)
        self._squared_error = by_customer(only, 1, (probability - label) ** 2)
        self._bin_rows = by_customer(calibration_bins, bins, ones)
        self._bin_gap = by_customer(calibration_bins, bins, probability - label)

    def drawn(self, times: np.ndarray, top_share: float, costs: Costs) -> dict[str, np.ndarray]:
        """Metrics by name, shape (draws,) each; nan for a draw with one outcome only.

        Args:
            times: of blocks_of_draws, shape (draws, customers).
        """
        everyone, churned = ((part @ times.T).T for part in (self._everyone, self._churned))
        rows, churners = everyone.sum(axis=1), churned.sum(axis=1)
        usable = (churners > 0) & (churners < rows)
        everyone, churned, rows, churners = everyone[usable], churned[usable], rows[usable], churners[usable]
        everyone, churned = _from_the_top(everyone), _from_the_top(churned)
        gap = np.abs((self._bin_gap @ times[usable].T).T).sum(axis=1)
        found = {
            "roc_auc": roc_aucs(everyone, churned),
            "pr_auc": _pr_aucs(everyone, churned),
            "top_decile_lift": np.array(
                [
                    np.interp(top_share * n, e, c) / (top_share * n) / (k / n)
                    for e, c, n, k in zip(everyone, churned, rows, churners, strict=True)
                ]
            ),
            "brier": (self._squared_error @ times[usable].T)[0] / rows,
            "calibration_error": gap / rows,
            "expected_max_profit": expected_max_profits(everyone, churned, costs),
        }
        return {name: _in_place(values, usable) for name, values in found.items()}

    def drawn_auc(self, times: np.ndarray) -> np.ndarray:
        """ROC AUC only, shape (draws,)."""
        everyone, churned = (_from_the_top((part @ times.T).T) for part in (self._everyone, self._churned))
        usable = (churned[:, -1] > 0) & (churned[:, -1] < everyone[:, -1])
        return _in_place(roc_aucs(everyone[usable], churned[usable]), usable)


def ranked_levels(probability: np.ndarray, most: int = LEVELS) -> tuple[np.ndarray, int]:
    """For each row its level, 0 for the highest probabilities, and how many there are; ties share one."""
    order = np.argsort(-probability, kind="stable")
    falling = probability[order]
    starts = np.append(True, falling[1:] != falling[:-1])
    first_of_tie = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    # Finer at the top, where few rows decide on a lift or a profit.
    coarse = np.floor(np.sqrt(first_of_tie / len(order)) * most).astype(int)
    numbers = np.cumsum(np.append(0, np.diff(coarse) > 0))
    level = np.empty(len(order), dtype=int)
    level[order] = numbers
    return level, int(numbers[-1]) + 1


def _from_the_top(counts: np.ndarray) -> np.ndarray:
    """Sums down to each level, a 0 before the first; shape (draws, levels + 1)."""
    return np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))


def roc_aucs(everyone: np.ndarray, churned: np.ndarray) -> np.ndarray:
    kept = everyone - churned
    area = ((kept[:, 1:] - kept[:, :-1]) * (churned[:, 1:] + churned[:, :-1])).sum(axis=1) / 2
    return area / (churned[:, -1] * kept[:, -1])


def _pr_aucs(everyone: np.ndarray, churned: np.ndarray) -> np.ndarray:
    seen = everyone[:, 1:]
    precision = np.divide(churned[:, 1:], seen, out=np.zeros_like(seen), where=seen > 0)
    return (precision * np.diff(churned, axis=1)).sum(axis=1) / churned[:, -1]


def expected_max_profits(everyone: np.ndarray, churned: np.ndarray, costs: Costs) -> np.ndarray:
    """ml.profit.expected_max_profit of each draw, by Gauss-Jacobi quadrature over the acceptance rate."""
    node, mass = special.roots_jacobi(NODES, costs.beta - 1, costs.alpha - 1)
    accepted, mass = (node + 1) / 2, mass / mass.sum()
    rows = everyone[:, -1:]
    reached, wasted = churned / rows, (everyone - churned) / rows
    best = np.zeros((len(everyone), NODES))
    for number, share in enumerate(accepted):
        gain = (share * (1 - costs.offer) - costs.contact) * reached - (costs.offer + costs.contact) * wasted
        best[:, number] = gain.max(axis=1)
    return best @ mass


def _in_place(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    filled = np.full(len(usable), np.nan)
    filled[usable] = values
    return filled


def numbered(customer) -> tuple[np.ndarray, int]:
    """A number for each row's customer, and how many customers there are."""
    code, names = pd.factorize(pd.Series(customer))
    return code, len(names)


def with_interval(point: float, draws) -> dict[str, float]:
    """The value and the 95 % percentile interval of its draws (nan where no draw could be used)."""
    draws = np.asarray(draws, dtype=float)
    draws = draws[np.isfinite(draws)]
    if len(draws) == 0:
        return {"value": float(point), "low": float("nan"), "high": float("nan")}
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"value": float(point), "low": float(low), "high": float(high)}


def customer_draws(customer, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Row weights, draw by draw: how often the row's customer was drawn; shape (n,) each."""
    code, customers = numbered(customer)
    for times in blocks_of_draws(customers, replicates, seed):
        yield from times[:, code]
