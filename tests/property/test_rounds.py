"""Plans, whatever the numbers: limits hold, one action a customer, a random share held out."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from roundtrip.rounds.chance import deal
from roundtrip.rounds.choose import choose
from roundtrip.rounds.settings import Retention, parameters
from roundtrip.rounds.solve import Limit, solve

ACTIONS = ("discount", "points_bonus", "upgrade", "care_call", "content")
COSTS = dict(zip(ACTIONS, (18.0, 9.0, 30.0, 12.0, 0.2), strict=True))

retentions = st.builds(
    lambda budget, holdout, explore, phone: Retention.of(
        {
            "retention": {
                "budget_per_round": budget,
                "holdout_share": holdout,
                "explore_share": explore,
                "channel_capacity": {"phone": phone},
            }
        }
    ),
    budget=st.floats(0.1, 2000),
    holdout=st.floats(0.05, 1.0),
    explore=st.floats(0, 1),
    phone=st.integers(0, 20),
)


@st.composite
def options(draw) -> pd.DataFrame:
    """Options as options.py gives them, with or without evidence."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    customers = draw(st.integers(1, 120))
    rows = pd.DataFrame(
        [(f"c{i:05d}", action) for i in range(customers) for action in ACTIONS if random.random() < 0.7],
        columns=["customer_id", "action"],
    )
    count = len(rows)
    effect, error = random.normal(draw(st.floats(-20, 40)), 25, count), random.gamma(2, 8, count)
    evidence = np.where(random.random(count) < draw(st.sampled_from([0.0, 0.5, 1.0])), "randomised", "none")
    cost = rows["action"].map(COSTS).to_numpy(float)
    rows = rows.assign(
        strategy_id="s-" + rows["action"],
        channel=np.where(rows["action"] == "care_call", "phone", "email"),
        is_first=True,
        per_round=np.inf,
        cost=cost,
        effect_on_value=effect,
        evidence=evidence,
        worth=np.where(evidence == "randomised", effect - cost, np.nan),
        ceiling=effect + 1.2816 * error - cost,
    )
    by_customer = pd.DataFrame({"customer_id": rows["customer_id"].unique()})
    by_customer["value_tier"] = random.choice(["high", "ordinary", "low"], len(by_customer))
    by_customer["risk_band"] = random.choice(["high", "low"], len(by_customer))
    return rows.merge(by_customer, on="customer_id")


@settings(max_examples=60, deadline=None)
@given(options(), retentions)
def test_a_plan_never_goes_beyond_its_limits(rows: pd.DataFrame, retention: Retention):
    choice = choose(rows, retention, "R-2025-06-30")
    plan = choice.rows
    treated = plan[plan["arm"] == "treatment"]
    assert treated["cost"].sum() <= retention.budget_per_round + 1e-6
    assert (treated["channel"] == "phone").sum() <= retention.channel_capacity["phone"]
    assert plan["customer_id"].is_unique
    exploited = plan[~plan["is_exploration"]]
    assert (exploited["evidence"] == "randomised").all()
    assert (exploited["worth"] > 0).all()
    assert not (plan["ceiling"] <= 0).any()
    assert choice.solution.value <= choice.solution.bound + 1e-6
    assert choice.holdout_share >= retention.holdout_share
    for _, campaign in plan.groupby("action"):
        if len(campaign) > 1:
            assert (campaign["arm"] == "control").sum() >= choice.holdout_share * len(campaign) - 1e-6
    for _, stratum in plan.groupby("stratum"):
        assert len(stratum) == 1 or (stratum["arm"] == "control").any()
    pd.testing.assert_frame_equal(choose(rows, retention, "R-2025-06-30").rows, plan)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(ACTIONS), st.sampled_from("abc"), st.sampled_from("xyz")),
        min_size=1,
        max_size=200,
    ),
    st.floats(0.05, 1.0),
)
def test_a_holdout_keeps_its_share_in_every_campaign_and_stratum(people, share):
    rows = pd.DataFrame(people, columns=["action", "value_tier", "risk_band"])
    rows["customer_id"] = [f"c{i}" for i in range(len(rows))]
    dealt = rows.join(deal(rows, share, "R-2025-06-30"))
    for _, campaign in dealt.groupby("action"):
        held = (campaign["arm"] == "control").sum()
        if len(campaign) > 1:
            assert held == int(np.ceil(share * len(campaign) - 1e-9))
    for name, stratum in dealt.groupby("stratum"):
        assert len(stratum) == 1 or (stratum["arm"] == "control").any(), name
        assert stratum["action"].nunique() == 1
    shuffled = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        deal(shuffled, share, "R-2025-06-30").sort_index(), dealt[["arm", "stratum"]]
    )


def test_everybody_has_the_same_chance_of_being_held_out_in_small_strata_too():
    """Over many rounds: a customer alone in a stratum is held out as often as one among many."""
    rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(21)], "action": "discount"})
    rows["value_tier"] = ["high"] + ["low"] * 20
    rows["risk_band"] = "low"
    held = [(deal(rows, 0.2, f"R-{number}")["arm"] == "control").to_numpy() for number in range(600)]
    shares = np.mean(held, axis=0)
    # 5 of 21, with a standard error of 0.017.
    assert abs(shares[0] - 5 / 21) < 0.06
    assert abs(shares[1:].mean() - 5 / 21) < 0.01


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 3))
def test_a_plan_is_the_best_there_is_for_small_problems(seed: int, customers: int, each: int):
    from itertools import product

    random = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), each)
    value = random.normal(5, 20, len(customer)).round(2)
    cost = random.choice([0.2, 9.0, 18.0], len(customer))
    is_call = random.random(len(customer)) < 0.4
    limits = [
        Limit("budget", cost, float(random.integers(0, 60))),
        Limit("phone", is_call.astype(float), int(random.integers(0, 3))),
    ]
    found = solve(customer, value, limits, parameters()["solver"])
    best = 0.0
    for picks in product(range(-1, each), repeat=customers):
        at = [i * each + pick for i, pick in enumerate(picks) if pick >= 0]
        if all(limit.uses[at].sum() <= limit.available for limit in limits):
            best = max(best, value[at].sum())
    assert found.value >= best * (1 - parameters()["solver"]["gap"]) - 1e-6
    assert found.bound >= best - 1e-6
    assert len(set(customer[found.chosen])) == found.chosen.sum()
