"""How far a population has moved from another one: the population stability index, per feature and of scores.

PSI = sum over bins of (now - then) * ln(now / then) (Siddiqi 2006; it is the symmetric Kullback-Leibler
divergence). The bins are the tenths of the reference, and one for what is not known; of a category, its
levels. What is kept of the reference are shares, no customer's values.
"""

import numpy as np
import pandas as pd

#: Bins of a number; with more of them small companies' noise looks like a shift.
BINS = 10
#: Levels of a category that are told apart.
LEVELS = 30
#: What an empty bin counts as; without it the logarithm has no value.
HALF_A_ROW = 0.5


def reference(rows: pd.DataFrame, names: list[str], categories: set[str]) -> dict:
    """What a population looks like, as JSON can hold it.

    Args:
        rows: one per customer; the columns `names`, numbers or (those in `categories`) text.

    Returns:
        `rows` and per name under `columns` either `edges` (inner ones, of bins closed at their upper end) or
        `levels`, with `shares`: of the bins, or of the levels and of `other`; the last one of the unknown.
    """
    columns = {}
    for name in names:
        if name in categories:
            levels = rows[name].dropna().astype(str).value_counts()
            ordered = sorted(levels.items(), key=lambda pair: (-pair[1], pair[0]))
            columns[name] = {"levels": [level for level, _ in ordered[:LEVELS]]}
        else:
            values = rows[name].to_numpy(dtype=float, na_value=np.nan)
            known = values[np.isfinite(values)]
            cuts = np.quantile(known, np.arange(1, BINS) / BINS, method="lower") if len(known) else []
            # The largest value as an edge would leave a bin above it that nothing can fall into.
            edges = [edge for edge in np.unique(cuts).tolist() if edge < known.max()]
            columns[name] = {"edges": edges}
        counted = counts(rows[name], columns[name])
        columns[name]["shares"] = (counted / max(1, counted.sum())).tolist()
    return {"rows": len(rows), "columns": columns}


def counts(values: pd.Series, described: dict) -> np.ndarray:
    """Rows in each bin of `reference`, shape (bins + 1,) or (levels + 2,); infinite counts as unknown."""
    if "levels" in described:
        levels = {level: place for place, level in enumerate(described["levels"])}
        known = values.notna()
        place = values[known].astype(str).map(levels).fillna(len(levels)).to_numpy(dtype=int)
        bins, unknown = len(levels) + 1, int((~known).sum())
    else:
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        known = np.isfinite(numbers)
        place = np.searchsorted(np.array(described["edges"], dtype=float), numbers[known], side="left")
        bins, unknown = len(described["edges"]) + 1, int((~known).sum())
    return np.append(np.bincount(place, minlength=bins), unknown)


def psi(then: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """The index, and what chance alone would exceed once in a thousand times.

    With N and M rows from one population PSI is about (1/N + 1/M) times a chi-squared variable with as many
    degrees of freedom as there are bins less one (Yurdakul and Naranjo 2020). On few rows that is above the
    usual thresholds, and an index below it means nothing.

    Args:
        then, now: rows in each bin, shape (bins,) each.
    """
    from scipy.stats import chi2

    used = (then + now) > 0
    if used.sum() < 2 or not then.sum() or not now.sum():
        return 0.0, 0.0
    before, after = (np.maximum(each[used], HALF_A_ROW) for each in (then, now))
    before, after = before / before.sum(), after / after.sum()
    index = float(((after - before) * np.log(after / before)).sum())
    by_chance = (1 / then.sum() + 1 / now.sum()) * chi2.ppf(0.999, used.sum() - 1)
    return index, float(by_chance)


def compare(population: pd.DataFrame, then: dict) -> dict[str, dict]:
    """Per column of the reference: psi, by_chance, unknown_then and unknown_now (shares).

    A column that is gone counts as unknown for everybody.
    """
    found = {}
    for name, described in then["columns"].items():
        shares = np.array(described["shares"])
        if name in population:
            now = counts(population[name], described)
        else:
            now = np.append(np.zeros(len(shares) - 1), len(population))
        index, by_chance = psi(shares * then["rows"], now)
        found[name] = {
            "psi": index,
            "by_chance": by_chance,
            "unknown_then": float(shares[-1]),
            "unknown_now": float(now[-1] / max(1, now.sum())),
        }
    return found
