"""Step 4, the verdict: the same numbers for every model on the same rows, each with its uncertainty.

The metrics here are exact and take row weights: resampling customers is giving each customer's rows the
number of times the customer was drawn (Efron 1979; the cluster bootstrap). The intervals come from
bootstrap.py, which does that for many draws at once.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.bootstrap import Sums, blocks_of_draws, customer_draws, numbered, with_interval  # noqa: F401
from ml.profit import Costs, expected_max_profit

METRICS = ("roc_auc", "pr_auc", "top_decile_lift", "brier", "calibration_error", "expected_max_profit")


@dataclass
class Scored:
    """Test rows as a model scored them, sorted by falling probability once.

    Args:
        probability: shape (n,).
        label: 0/1, shape (n,).
    """

    probability: np.ndarray
    label: np.ndarray

    def __post_init__(self):
        self.probability = np.asarray(self.probability, dtype=float)
        self.label = np.asarray(self.label, dtype=float)
        self.order = np.argsort(-self.probability, kind="stable")
        falling = self.probability[self.order]
        # The last row of every group of equal probabilities: ties are counted together, never in file order.
        self.ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))

        self._bins: dict[int, np.ndarray] = {}

    def bin_of(self, bins: int) -> np.ndarray:
        """For each row its bin, 0 for the lowest probabilities; bins hold equal numbers of rows."""
        if bins not in self._bins:
            position = np.empty(len(self.label), dtype=int)
            position[self.order[::-1]] = np.arange(len(self.label)) * bins // len(self.label)
            self._bins[bins] = position
        return self._bins[bins]

    def cumulative(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights and churned weights from the top down to each distinct probability, starting at 0."""
        ordered = weight[self.order]
        everyone = np.cumsum(ordered)[self.ends]
        churned = np.cumsum(ordered * self.label[self.order])[self.ends]
        return np.append(0.0, everyone), np.append(0.0, churned)


def roc_auc(scored: Scored, weight: np.ndarray) -> float:
    """The chance that a churned row ranks above a kept one; ties count half."""
    everyone, churned = scored.cumulative(weight)
    kept = everyone - churned
    return float(np.trapezoid(churned, kept) / (churned[-1] * kept[-1]))


def pr_auc(scored: Scored, weight: np.ndarray) -> float:
    """Average precision: precision at each distinct probability, weighted by the recall gained there."""
    everyone, churned = scored.cumulative(weight)
    gained = np.diff(churned)
    precision = np.divide(churned[1:], everyone[1:], out=np.zeros(len(gained)), where=everyone[1:] > 0)
    return float((precision * gained).sum() / churned[-1])


def top_lift(scored: Scored, weight: np.ndarray, share: float = 0.1) -> float:
    """Churn rate among the top `share` over the base rate; a tie at the border is cut in proportion."""
    everyone, churned = scored.cumulative(weight)
    cut = share * everyone[-1]
    return float(np.interp(cut, everyone, churned) / cut / (churned[-1] / everyone[-1]))


def brier(scored: Scored, weight: np.ndarray) -> float:
    """Mean squared distance of probability and outcome (Brier 1950); lower is better."""
    return float(np.average((scored.probability - scored.label) ** 2, weights=weight))


def calibration_error(scored: Scored, weight: np.ndarray, bins: int = 10) -> float:
    """Mean distance of probability and churn rate over `bins` equal shares of the rows; noise adds to it."""
    table = calibration_table(scored, weight, bins)
    return float(np.average((table["probability"] - table["rate"]).abs(), weights=table["weight"]))


def calibration_table(scored: Scored, weight: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Per bin of equal numbers of rows: mean probability, churn rate, weight."""
    position = scored.bin_of(bins)
    totals = [
        np.bincount(position, weights=weight * values, minlength=bins)
        for values in (scored.probability, scored.label, np.ones(len(weight)))
    ]
    filled = totals[2] > 0
    return pd.DataFrame(
        {
            "probability": totals[0][filled] / totals[2][filled],
            "rate": totals[1][filled] / totals[2][filled],
            "weight": totals[2][filled],
        }
    )


def all_metrics(scored: Scored, weight: np.ndarray, parameters: dict) -> dict[str, float]:
    rules = parameters["evaluation"]
    # The library takes no weights; drawn twice is there twice.
    rows = np.repeat(np.arange(len(weight)), weight.astype(int))
    return {
        "roc_auc": roc_auc(scored, weight),
        "pr_auc": pr_auc(scored, weight),
        "top_decile_lift": top_lift(scored, weight, rules["top_share"]),
        "brier": brier(scored, weight),
        "calibration_error": calibration_error(scored, weight, rules["calibration_bins"]),
        "expected_max_profit": expected_max_profit(
            scored.probability[rows], scored.label[rows], Costs.of(parameters)
        ),
    }


def evaluate(
    probabilities: dict[str, np.ndarray],
    label,
    customer,
    parameters: dict,
    against: list[tuple[str, str]] = (),
    replicates: int | None = None,
) -> dict:
    """Metrics of several models on the same rows, with 95 % confidence intervals by customer.

    Args:
        probabilities: model name → shape (n,).
        label: 0/1, shape (n,), both present.
        customer: id per row; a customer's rows are drawn together.
        against: pairs (a, b); the AUC of a minus that of b, from the same draws (a paired bootstrap).
        replicates: of the bootstrap; without it as many as parameters.yml says.

    Returns:
        n, customers, base_rate, `models` (name → metric → value, low, high), `differences` ("a - b" → …).
    """
    rules = parameters["evaluation"]
    label, bins = np.asarray(label, dtype=float), rules["calibration_bins"]
    scored = {name: Scored(values, label) for name, values in probabilities.items()}
    ones = np.ones(len(label))
    points = {name: all_metrics(each, ones, parameters) for name, each in scored.items()}
    code, customers = numbered(customer)
    sums = {
        name: Sums(each.probability, label, code, customers, each.bin_of(bins), bins)
        for name, each in scored.items()
    }
    found = {name: {metric: [] for metric in METRICS} for name in scored}
    replicates = replicates or rules["bootstrap_replicates"]
    for times in blocks_of_draws(customers, replicates, parameters["seed"]):
        for name, each in sums.items():
            for metric, values in each.drawn(times, rules["top_share"], Costs.of(parameters)).items():
                found[name][metric].append(values)
    draws = {
        name: {metric: np.concatenate(values) for metric, values in metrics.items()}
        for name, metrics in found.items()
    }
    for name, metrics in draws.items():
        error = metrics["calibration_error"]
        metrics["calibration_error"] = _centred(points[name]["calibration_error"], error)
    differences = {}
    for first, second in against:
        gaps = np.subtract(draws[first]["roc_auc"], draws[second]["roc_auc"])
        point = points[first]["roc_auc"] - points[second]["roc_auc"]
        differences[f"{first} - {second}"] = with_interval(point, gaps)
    return {
        "n": len(label),
        "customers": customers,
        "base_rate": float(label.mean()),
        "models": {
            name: {metric: with_interval(points[name][metric], draws[name][metric]) for metric in METRICS}
            for name in scored
        },
        "differences": differences,
    }


def _centred(point: float, draws: np.ndarray) -> np.ndarray:
    """Draws of an error that noise can only raise, moved so that their middle is the point.

    A mean of distances is too large on few rows, and a draw repeats the rows' noise and adds its own: as they
    are, all draws may lie above the point (Roelofs et al. 2022 on the bias of binned calibration errors).
    """
    usable = draws[np.isfinite(draws)]
    return np.maximum(draws - np.median(usable) + point, 0.0) if len(usable) else draws


def calibration_curve(scored: Scored, customer, parameters: dict) -> list[dict]:
    """Per bin of calibration_table: probability said, rate seen with its 95 % interval by customer, rows.

    A drawn row stays in its bin, so that an interval belongs to the point it is drawn around.
    """
    rules = parameters["evaluation"]
    bins = rules["calibration_bins"]
    position = scored.bin_of(bins)
    code, customers = numbered(customer)
    rows, churned = np.zeros((2, bins, customers))
    np.add.at(rows, (position, code), 1)
    np.add.at(churned, (position, code), scored.label)
    rates = []
    for times in blocks_of_draws(customers, rules["group_replicates"], parameters["seed"]):
        drawn = times @ rows.T
        rates.append(np.divide(times @ churned.T, drawn, out=np.full(drawn.shape, np.nan), where=drawn > 0))
    table = calibration_table(scored, np.ones(len(scored.label)), bins)
    rates = np.concatenate(rates)[:, np.unique(position)]
    return [
        {"said": said, "rows": int(weight), **with_interval(seen, rates[:, place])}
        for place, (said, seen, weight) in enumerate(table.itertuples(index=False))
    ]
