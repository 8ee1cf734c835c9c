"""Do the same clusters come again when other customers had been drawn? (Hennig 2007)"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draws:
    """What bootstrap draws said.

    Attributes:
        rand_indices: adjusted Rand index (Hubert and Arabie 1985) of each draw's clusters with the first
        ones, on
            all points, shape (draws,). 1 is the same, 0 chance.
        jaccards: of each first cluster with the one of the draw that overlaps most, shape (draws, clusters).
    """

    rand_indices: np.ndarray
    jaccards: np.ndarray


def agreement_of_draws(
    fit: Callable[[np.ndarray, int], Callable], points: np.ndarray, labels: np.ndarray, draws: int, seed: int
) -> Draws:
    """Fit again on bootstrap samples and compare what all points are called.

    Args:
        fit: (points, number of the draw) → a function that assigns points, shape (n,).
        labels: what the points are called by the clustering in question.
    """
    from sklearn.metrics import adjusted_rand_score

    random = np.random.default_rng(seed)
    rand_indices, jaccards = [], []
    for draw in range(draws):
        sample = random.integers(0, len(points), len(points))
        again = fit(points[sample], draw)(points)
        rand_indices.append(adjusted_rand_score(labels, again))
        jaccards.append(overlaps(labels, again).max(axis=1))
    return Draws(np.array(rand_indices), np.array(jaccards))


def overlaps(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Jaccard indices of every cluster of one with every of the other: shape (clusters, clusters)."""
    both = np.zeros((ones.max() + 1, others.max() + 1))
    np.add.at(both, (ones, others), 1)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)


def verdict(jaccard: float, parameters: dict) -> str:
    """In a word what a cluster's mean Jaccard index says: stable, pattern (something is there) or
    dissolved.
    """
    rules = parameters["clusters"]
    if jaccard >= rules["stable"]:
        return "stable"
    return "pattern" if jaccard >= rules["dissolved"] else "dissolved"
