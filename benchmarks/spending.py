"""Ways of spending the same money on a simulated company's customers, judged by what truly comes of each.

All take a table of options, one row a customer and action: customer_id, action, cost, true_value (the effect
on the margin of twelve months, before the cost).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from scipy import optimize, sparse

_LOTS = 20
_FOLDS = 3


@dataclass(frozen=True)
class Spent:
    """What came of it: net value (true_value less cost), the cost, customers treated."""

    net_value: float
    cost: float
    customers: float


def best_by(
    options: pd.DataFrame, believed: np.ndarray, money: float, places: dict[str, int] | None = None
) -> Spent:
    """What is best by the effects believed in, an action a customer: an integer programme's relaxation, exact
    but for a customer or two (HiGHS).

    Args:
        believed: one value a row of options. places: action → customers it can reach at most.
    """
    net = np.asarray(believed, float) - options["cost"].to_numpy(float)
    rows = options[net > 0]
    if rows.empty:
        return Spent(0.0, 0.0, 0.0)
    limits = [(_indicators(rows["customer_id"]), 1.0)]
    for action, most in (places or {}).items():
        limits.append((sparse.csr_matrix((rows["action"] == action).to_numpy(float)[None, :]), float(most)))
    cost = rows["cost"].to_numpy(float)
    limits.append((sparse.csr_matrix(cost[None, :]), money))
    found = optimize.linprog(
        -net[net > 0],
        A_ub=sparse.vstack([matrix for matrix, _ in limits]),
        b_ub=np.concatenate([np.full(matrix.shape[0], most) for matrix, most in limits]),
        bounds=(0, 1),
        method="highs",
    )
    return Spent(
        float(found.x @ (rows["true_value"].to_numpy(float) - cost)),
        float(found.x @ cost),
        float(found.x.sum()),
    )


def down_a_ranking(
    options: pd.DataFrame, column: str, money: float, places: dict[str, int] | None = None
) -> Spent:
    """Down a ranking with one action until the money is spent, with whichever action turns out best: more
    than anybody who ranks customers could know."""
    tried = []
    for action, rows in options.groupby("action"):
        ranked = rows.sort_values([column, "customer_id"], ascending=[False, True], kind="stable")
        ranked = ranked.head((places or {}).get(action, len(ranked)))
        tried.append(_of(ranked[ranked["cost"].cumsum() <= money]))
    return max(tried, key=lambda spent: spent.net_value)


def by_lot(options: pd.DataFrame, money: float, places: dict[str, int] | None = None) -> Spent:
    """Anybody gets anything, until the money is spent; the mean of some draws."""
    drawn = []
    for draw in range(_LOTS):
        rows = options.sample(frac=1, random_state=draw).drop_duplicates("customer_id")
        for action, most in (places or {}).items():
            is_beyond = (rows["action"] == action) & ((rows["action"] == action).cumsum() > most)
            rows = rows[~is_beyond]
        drawn.append(_of(rows[rows["cost"].cumsum() <= money]))
    return Spent(*(float(np.mean([getattr(d, f) for d in drawn])) for f in Spent.__dataclass_fields__))


def knowable(options: pd.DataFrame, features: list[str]) -> np.ndarray:
    """The true effect as far as it follows from what a company has on a person: by action, boosted trees
    learn it from other customers' truth. One value a row of options."""
    fold = pd.util.hash_array(options["customer_id"].to_numpy(object), categorize=False) % _FOLDS
    found = np.zeros(len(options))
    for action in options["action"].unique():
        of_action = (options["action"] == action).to_numpy()
        for number in range(_FOLDS):
            rest, these = of_action & (fold != number), of_action & (fold == number)
            model = LGBMRegressor(
                n_estimators=120, learning_rate=0.06, num_leaves=15, n_jobs=1, verbose=-1, random_state=1
            )
            model.fit(options.loc[rest, features].to_numpy(float), options.loc[rest, "true_value"])
            found[these] = model.predict(options.loc[these, features].to_numpy(float))
    return found


def _indicators(values: pd.Series) -> sparse.csr_matrix:
    codes, known = pd.factorize(values)
    return sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))), (len(known), len(codes)))


def _of(rows: pd.DataFrame) -> Spent:
    return Spent(
        float((rows["true_value"] - rows["cost"]).sum()), float(rows["cost"].sum()), float(len(rows))
    )
