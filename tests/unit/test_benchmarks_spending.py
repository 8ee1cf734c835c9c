"""Ways of spending the same money: the best one is the best there is, and all keep to money and places."""

import itertools

import numpy as np
import pandas as pd
import pytest

from benchmarks.spending import best_by, by_lot, down_a_ranking, knowable


@pytest.fixture
def options() -> pd.DataFrame:
    dice = np.random.default_rng(3)
    rows = [(f"c{who}", action) for who in range(6) for action in ("call", "gift")]
    table = pd.DataFrame(rows, columns=["customer_id", "action"])
    return table.assign(
        cost=np.where(table["action"] == "call", 4.0, 3.0),
        true_value=dice.normal(5, 6, len(rows)),
        risk=np.repeat(dice.random(6), 2),
    )


def every_plan(options: pd.DataFrame, money: float, calls: int) -> float:
    """The largest net value of all plans there are."""
    best = 0.0
    for chosen in itertools.product((None, "call", "gift"), repeat=6):
        taken = [(f"c{who}", action) for who, action in enumerate(chosen) if action]
        rows = options.set_index(["customer_id", "action"]).loc[taken]
        if rows["cost"].sum() <= money and chosen.count("call") <= calls:
            best = max(best, float((rows["true_value"] - rows["cost"]).sum()))
    return best


@pytest.mark.parametrize(("money", "calls"), [(100, 6), (100, 1), (12, 6)])
def test_the_best_plan_is_the_best_of_all_plans(options, money, calls):
    found = best_by(options, options["true_value"], money, {"call": calls})
    # The relaxation may spend the last coins on part of a customer; without a shortage of them it is exact.
    exact = every_plan(options, money, calls)
    assert found.net_value == pytest.approx(exact) if money == 100 else found.net_value >= exact - 1e-9
    assert found.cost <= money + 1e-9


def test_wrong_beliefs_earn_what_is_true(options):
    found = best_by(options, -options["true_value"], 100)
    assert found.net_value < 0


def test_a_ranking_is_followed_with_its_best_action_as_far_as_the_money_goes(options):
    found = down_a_ranking(options, "risk", 9.0, {"call": 1})
    ranked = options.sort_values("risk", ascending=False)
    calls, gifts = (ranked[ranked["action"] == action] for action in ("call", "gift"))
    by_calls = (calls["true_value"] - 4).iloc[:1].sum()
    by_gifts = (gifts["true_value"] - 3).iloc[:3].sum()
    assert found.net_value == pytest.approx(max(by_calls, by_gifts))


def test_lots_keep_to_money_and_places(options):
    assert by_lot(options, 7.0).cost <= 7.0
    assert by_lot(options, 100.0, {"call": 0}).cost == pytest.approx(
        3 * by_lot(options, 100.0, {"call": 0}).customers
    )


def test_what_can_be_known_is_learned_from_others():
    dice = np.random.default_rng(5)
    seen = dice.random(3_000)
    table = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(3_000)],
            "action": "gift",
            "seen": seen,
            "true_value": 10 * seen + dice.normal(0, 5, 3_000),
        }
    )
    found = knowable(table, ["seen"])
    # It follows what is seen, and not the dice of the person itself.
    assert np.corrcoef(found, seen)[0, 1] > 0.95
    assert abs(np.corrcoef(found - 10 * seen, table["true_value"] - 10 * seen)[0, 1]) < 0.1
