"""k-means, Gaussian mixtures and Ward's linkage on the same points, ranked by several criteria at once.

No single criterion is right (Hennig 2015, "What are the true clusters?"): silhouette (Rousseeuw 1987) and
Davies-Bouldin (1979) ask for separation, Calinski-Harabasz (1974) for compactness, the bootstrap for clusters
that come again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.segments.stability import agreement_of_draws

KINDS = ("k_means", "gaussian_mixture", "hierarchical")
#: Criterion → whether more of it is better.
CRITERIA = {"silhouette": True, "calinski_harabasz": True, "davies_bouldin": False, "bootstrap_ari": True}


@dataclass(frozen=True)
class Clustering:
    """A fitted clustering: `assign(points)` gives each point's cluster, 0 to k-1, the largest of the fit
    first.
    """

    kind: str
    k: int
    assign: Callable[[np.ndarray], np.ndarray]


def fit(kind: str, k: int, points: np.ndarray, parameters: dict, seed: int) -> Clustering:
    """Cluster the points, shape (n, measures) in scale units.

    Args:
        kind: of KINDS. Ward's linkage is built on `hierarchical_rows` of them; all others go to the nearest
        of its
            centres, which is what it minimises the distance to.
    """
    random = np.random.default_rng(seed)
    if kind == "k_means":
        from sklearn.cluster import KMeans

        model = KMeans(k, n_init=3, random_state=seed).fit(points)
        return _ordered(kind, k, points, model.predict)
    if kind == "gaussian_mixture":
        from sklearn.mixture import GaussianMixture

        # Diagonal: a full matrix a cluster has more numbers than a small cluster has customers.
        model = GaussianMixture(k, covariance_type="diag", reg_covar=1e-2, random_state=seed, max_iter=60)
        model.fit(points)
        return _ordered(kind, k, points, model.predict)
    from sklearn.cluster import AgglomerativeClustering

    rows = min(len(points), parameters["clusters"]["hierarchical_rows"])
    some = points[np.sort(random.choice(len(points), rows, replace=False))]
    labels = AgglomerativeClustering(k, linkage="ward").fit_predict(some)
    centres = np.stack([some[labels == label].mean(axis=0) for label in range(k)])
    return _ordered(kind, k, points, lambda these: _nearest(these, centres))


def compare(points: np.ndarray, parameters: dict) -> pd.DataFrame:
    """Every kind and number of clusters with its criteria.

    Returns:
        kind, k, the CRITERIA, smallest_share (of the smallest cluster), is_allowed, mean_rank; best first.
        Only candidates without a cluster under `min_share` are ranked; if there is none, all are.
    """
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

    rules, seed = parameters["clusters"], parameters["seed"]
    random = np.random.default_rng(seed)
    fitted_on = some_of(points, rules["compared_rows"], random)
    judged_on = some_of(points, rules["criteria_rows"], random)
    found = []
    for kind in KINDS:
        for k in range(rules["smallest"], rules["largest"] + 1):
            clustering = fit(kind, k, fitted_on, parameters, seed)
            labels = clustering.assign(judged_on)
            if len(np.unique(labels)) < 2:
                continue
            draws = agreement_of_draws(
                lambda some, draw, kind=kind, k=k: fit(kind, k, some, parameters, seed + draw + 1).assign,
                fitted_on,
                clustering.assign(fitted_on),
                rules["compared_draws"],
                seed,
            )
            found.append(
                {
                    "kind": kind,
                    "k": k,
                    "silhouette": float(silhouette_score(judged_on, labels)),
                    "calinski_harabasz": float(calinski_harabasz_score(judged_on, labels)),
                    "davies_bouldin": float(davies_bouldin_score(judged_on, labels)),
                    "bootstrap_ari": float(np.mean(draws.rand_indices)),
                    "smallest_share": float(np.bincount(labels, minlength=k).min() / len(labels)),
                }
            )
    return ranked(pd.DataFrame(found), rules["min_share"])


def ranked(candidates: pd.DataFrame, min_share: float) -> pd.DataFrame:
    """By the mean of the ranks in each criterion; a tie goes to fewer clusters, then to the simpler kind."""
    allowed = candidates["smallest_share"] >= min_share
    candidates = candidates.assign(is_allowed=allowed if allowed.any() else True)
    ranks = candidates[candidates["is_allowed"]]
    ranks = pd.concat([ranks[name].rank(ascending=not more) for name, more in CRITERIA.items()], axis=1).mean(
        axis=1
    )
    simple = candidates["kind"].map({kind: place for place, kind in enumerate(KINDS)})
    return (
        candidates.assign(mean_rank=ranks, simple=simple)
        .sort_values(["mean_rank", "k", "simple"], na_position="last")
        .drop(columns="simple")
        .reset_index(drop=True)
    )


def some_of(points: np.ndarray, rows: int, random: np.random.Generator) -> np.ndarray:
    """That many of the points, in their order; all where there are no more."""
    if len(points) <= rows:
        return points
    return points[np.sort(random.choice(len(points), rows, replace=False))]


def _ordered(kind: str, k: int, points: np.ndarray, predict) -> Clustering:
    """The largest cluster is number 0, so that the same clusters have the same numbers."""
    sizes = np.bincount(predict(points), minlength=k)
    place = np.empty(k, dtype=int)
    place[np.argsort(-sizes, kind="stable")] = np.arange(k)
    return Clustering(kind, k, lambda these: place[predict(these)])


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    # |x - c|² without the |x|² that all have in common.
    return np.argmin((centres**2).sum(axis=1) - 2 * points @ centres.T, axis=1)
