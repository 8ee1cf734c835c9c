"""Which of the rules' segments a cluster is like, what its customers are like, and what rules it proposes."""

import re

import numpy as np
import pandas as pd

from ml.segments.measures import RULE_MEASURES, Scale
from ml.segments.settings import SEGMENTS
from ml.segments.stability import overlaps

#: The columns of the seed need_segment_rules, and how good each proposed rule is.
PROPOSAL = ("valid_from", "segment", "measure", "min_value", "max_value", "precision", "recall", "customers")
#: Measures in words of a description: the ones farthest from everybody's.
_TOLD = 3
#: The number in the words of a measure, to tell everybody's in the same unit.
_NUMBER = re.compile(r"\{value[^}]*\}")


def agreement(labels: np.ndarray, segments: pd.Series) -> dict:
    """How clusters and the rules' segments agree.

    Returns:
        adjusted_rand_index; confusion (cluster × segment, customers); names: cluster → the segment with the
        largest Jaccard index, None where no rule has spoken; jaccards: that index.
    """
    from sklearn.metrics import adjusted_rand_score

    known = segments.notna().to_numpy()
    clusters = int(labels.max()) + 1
    confusion = pd.crosstab(labels[known], segments[known].to_numpy()).reindex(
        index=range(clusters), columns=list(SEGMENTS), fill_value=0
    )
    if not known.any():
        return {
            "adjusted_rand_index": None,
            "confusion": confusion,
            "names": [None] * clusters,
            "jaccards": [None] * clusters,
        }
    codes = pd.Categorical(segments[known], categories=list(SEGMENTS)).codes
    shared = np.zeros((clusters, len(SEGMENTS)))
    found = overlaps(labels[known], codes)
    shared[: found.shape[0], : found.shape[1]] = found
    best = shared.argmax(axis=1)
    return {
        "adjusted_rand_index": float(adjusted_rand_score(labels[known], codes)),
        "confusion": confusion,
        "names": [SEGMENTS[place] for place in best],
        "jaccards": [float(value) for value in shared.max(axis=1)],
    }


def profiles(rows: pd.DataFrame, groups, scale: Scale, names: list[str]) -> pd.DataFrame:
    """What the customers of each group are like: group, customers, share, measure, value, value_of_all,
    distance.

    Args:
        groups: of each row, None for nobody's.

    Returns:
        `value` is the median of those it is known of (the mean of a share, whose median is mostly nought),
        `distance` the mean in scale units from everybody's median.
    """
    groups = pd.Series(groups, index=rows.index)
    scaled = pd.DataFrame(scale.apply(rows), columns=names, index=rows.index)
    found = []
    for group, members in rows.groupby(groups, sort=True):
        for name in names:
            tell = "median" if scale.logs[name] else "mean"
            found.append(
                {
                    "group": group,
                    "customers": len(members),
                    "share": len(members) / len(rows),
                    "measure": name,
                    "value": float(getattr(members[name], tell)()),
                    "value_of_all": float(getattr(rows[name], tell)()),
                    "distance": float(scaled.loc[members.index, name].mean()),
                }
            )
    return pd.DataFrame(found)


def described(profile: pd.DataFrame, words: dict, currency: str | None, language: str) -> str:
    """The measures farthest from everybody's in words; `profile` is one group's rows of `profiles`."""
    far = profile[profile["value"].notna()]
    far = far.reindex(far["distance"].abs().sort_values(ascending=False, kind="stable").index).head(_TOLD)
    beside, between = ("{} (all: {})", "; ") if language == "en" else ("{}（全部：{}）", "；")
    parts = []
    for row in far.itertuples():
        told = words[row.measure][language]["value"]
        (number,) = _NUMBER.findall(told)
        value = told.format(value=row.value, currency=currency or "").rstrip()
        parts.append(beside.format(value, number.format(value=row.value_of_all)))
    return between.join(parts)


def proposed_rules(rows: pd.DataFrame, names_of_rows: np.ndarray, valid_from, parameters: dict) -> dict:
    """A shallow tree on the rules' own measures that says which segment a customer's cluster is named after.

    What an analyst would put into the seed instead of today's bounds, and how much it would carry: a leaf is
    a rule, the bounds on its path are the conditions.

    Args:
        names_of_rows: each row's segment by its cluster.

    Returns:
        rules: columns PROPOSAL, of each segment the leaf that holds most of it; fidelity: share of customers
        that the tree calls like their cluster, on held-out folds; baseline: share of the commonest segment;
        words: the tree.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.tree import DecisionTreeClassifier, export_text

    rules = parameters["surrogate"]
    asked = [name for name in RULE_MEASURES if rows[name].notna().mean() > 0.5]
    # An unknown measure meets no bound: below all that occur, so that a lower bound leaves it out.
    points = rows[asked].fillna(-1.0).to_numpy(float)
    tree = DecisionTreeClassifier(
        max_leaf_nodes=rules["max_leaves"],
        min_samples_leaf=max(5, int(rules["min_leaf_share"] * len(rows))),
        random_state=parameters["seed"],
    )
    counts = pd.Series(names_of_rows).value_counts()
    folds = min(rules["folds"], int(counts.min()))
    fidelity = None
    if len(counts) > 1 and folds > 1:
        cut = StratifiedKFold(folds, shuffle=True, random_state=parameters["seed"])
        fidelity = float(cross_val_score(tree, points, names_of_rows, cv=cut).mean())
    tree.fit(points, names_of_rows)
    leaves = _leaves(tree, asked, names_of_rows, points)
    found = [
        {"valid_from": valid_from, "segment": segment, **bound, **leaf["quality"]}
        for segment, leaf in leaves.items()
        if segment != "basic"
        for bound in leaf["bounds"]
    ]
    return {
        "rules": pd.DataFrame(found, columns=list(PROPOSAL)),
        "fidelity": fidelity,
        "baseline": float(counts.iloc[0] / len(rows)),
        "words": export_text(tree, feature_names=asked, decimals=2),
    }


def _leaves(tree, asked: list[str], names: np.ndarray, points: np.ndarray) -> dict[str, dict]:
    """Segment → the leaf that calls most of its customers so: bounds and quality."""
    inner, at = tree.tree_, tree.apply(points)
    best = {}
    for leaf, bounds in _paths(inner, 0, {}):
        segment = str(tree.classes_[inner.value[leaf][0].argmax()])
        within = at == leaf
        hits = int((names[within] == segment).sum())
        if hits > best.get(segment, {"hits": 0})["hits"]:
            best[segment] = {
                "hits": hits,
                "bounds": [
                    {"measure": asked[place], "min_value": _told_bound(low), "max_value": _told_bound(high)}
                    for place, (low, high) in sorted(bounds.items())
                ],
                "quality": {
                    "precision": hits / int(within.sum()),
                    "recall": hits / int((names == segment).sum()),
                    "customers": int(within.sum()),
                },
            }
    return best


def _told_bound(bound: float | None) -> float | None:
    # Four digits: halfway between two customers there is nothing to be exact about.
    return None if bound is None else float(f"{bound:.4g}")


def _paths(inner, node: int, bounds: dict):
    """(leaf, {measure's place: (above, up to)}) of all leaves; bounds halfway between two values that
    occur.
    """
    if inner.children_left[node] < 0:
        yield node, bounds
        return
    place, cut = int(inner.feature[node]), float(inner.threshold[node])
    low, high = bounds.get(place, (None, None))
    yield from _paths(inner, inner.children_left[node], {**bounds, place: (low, cut)})
    yield from _paths(inner, inner.children_right[node], {**bounds, place: (cut, high)})
