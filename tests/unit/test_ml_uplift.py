"""Learning uplift: known effects are found, nothing is made of nothing, and some are not learned from."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

from ml.uplift import learn_uplift
from ml.uplift.compare import choose, gain_curve, qini
from ml.uplift.frame import DOSE, read_uplift_frame
from ml.uplift.settings import actions, parameters
from ml.uplift.shrunk import Shrunk, fit_shrunk, hyper
from roundtrip.errors import BadInput
from roundtrip.home import Home
from tests.measure_fixture import AS_OF, Campaign, publish_campaigns

CAMPAIGNS = [
    Campaign("a", "discount", date(2025, 1, 6), 2500, effect=0.25, control_share=0.3),
    Campaign("b", "content", date(2025, 1, 6), 2500, effect=0.0, control_share=0.3),
    Campaign("chosen", "care_call", date(2025, 1, 6), 1500, effect=0.0, by="value"),
    Campaign("held", "upgrade", date(2025, 1, 6), 300, by="all_control"),
    Campaign("open", "points_bonus", date(2025, 5, 5), 1500, effect=0.3),
]


def uplifts(home: Home) -> pd.DataFrame:
    return pd.read_parquet(home.products_dir / "action_uplifts" / f"{AS_OF}.parquet")


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> tuple[Home, dict]:
    home = publish_campaigns(Home(tmp_path_factory.mktemp("uplift")), CAMPAIGNS)
    return home, learn_uplift(home, AS_OF)


@pytest.fixture
def only_the_simplest(monkeypatch):
    """Without econml's learners, which take most of the time."""
    monkeypatch.setattr("ml.uplift.compare.LEARNERS", ("shrunk",))


def test_every_customer_has_every_action_once(learned):
    home, _ = learned
    table = uplifts(home)
    assert not table.duplicated(["customer_id", "action"]).any()
    assert set(table["action"]) == set(actions())
    assert len(actions()) == 6
    numbers = table[["effect_on_return", "effect_on_return_se", "effect_on_value", "effect_on_value_se"]]
    assert np.isfinite(numbers.to_numpy()).all()
    assert (numbers.filter(like="_se") >= 0).all(axis=None)


def test_a_strong_action_is_told_from_a_useless_one(learned):
    home, summary = learned
    means = uplifts(home).groupby("action")[["effect_on_return", "effect_on_value"]].mean()
    assert summary["status"] == "learned"
    assert 0.12 < means.loc["discount", "effect_on_return"] < 0.30
    assert abs(means.loc["content", "effect_on_return"]) < 0.07
    # A booking brings 100 within the window; more is expected of whoever comes.
    assert means.loc["discount", "effect_on_value"] > 12
    assert means.loc["discount", "effect_on_value"] > 3 * abs(means.loc["content", "effect_on_value"])


@pytest.mark.parametrize("action", ["care_call", "upgrade", "points_bonus", "service_recovery"])
def test_nothing_is_learned_from_chosen_arms_open_windows_or_no_control(learned, action):
    rows = uplifts(learned[0])
    rows = rows[rows["action"] == action]
    assert set(rows["evidence"]) == {"none"}
    assert set(rows["learner"]) == {"none"}
    assert (rows["effect_on_value"] == 0).all()
    assert (rows["effect_on_return"] == 0).all()
    assert (rows["effect_on_value_se"] > 0).mean() > 0.9
    assert rows["n_assignments"].iloc[0] == {"care_call": 1500, "upgrade": 300}.get(action, 0)


def test_it_says_which_campaigns_were_left_out(learned):
    words = " ".join(learned[1]["messages"])
    assert "chosen" in words
    assert "held" in words
    assert "not comparable" in words


def test_who_may_not_be_profiled_is_told_nothing_and_learned_from_not(tmp_path, only_the_simplest):
    home = publish_campaigns(Home(tmp_path), CAMPAIGNS[:1])
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("UPDATE marts.dim_customers SET may_be_profiled = customer_id > 'c05000'")
        connection.execute("UPDATE marts.dim_customers SET is_high_volume = customer_id > 'c09000'")
    learn_uplift(home, AS_OF)
    assert uplifts(home)["customer_id"].between("c05001", "c09000").all()
    from ml.uplift.frame import read_uplift_frame

    assert read_uplift_frame(home, AS_OF).learned["customer_id"].between("c05001", "c09000").all()


def test_without_campaigns_it_says_explore(tmp_path):
    home = publish_campaigns(Home(tmp_path), [], customers=1500, touches=False)
    summary = learn_uplift(home, AS_OF)
    assert summary["status"] == "explore"
    assert any("at random" in words for words in summary["messages"])
    table = uplifts(home)
    assert len(table) > 0
    assert set(table["evidence"]) == {"none"}
    assert (table["effect_on_value"] == 0).all()
    assert (table["effect_on_value_se"] > 0).any()


def test_too_few_assignments_are_no_evidence(tmp_path):
    home = publish_campaigns(Home(tmp_path), [Campaign("few", "discount", date(2025, 1, 6), 150, 0.5)])
    assert learn_uplift(home, AS_OF)["status"] == "explore"


def test_without_margins_no_value_is_learned(tmp_path):
    home = publish_campaigns(Home(tmp_path), CAMPAIGNS[:1])
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("UPDATE marts.fct_bookings SET margin_value = NULL")
    summary = learn_uplift(home, AS_OF)
    assert summary["status"] == "explore"
    assert any("no margins" in words for words in summary["messages"])


def test_nothing_published_is_an_error(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        learn_uplift(Home(tmp_path), AS_OF)


def test_a_second_run_writes_the_same_bytes_and_what_comes_later_changes_nothing(tmp_path, only_the_simplest):
    campaign = Campaign("a", "discount", date(2025, 1, 6), 800, effect=0.25, control_share=0.4)
    home, as_of = publish_campaigns(Home(tmp_path), [campaign], customers=1200), date(2025, 5, 31)
    file = home.products_dir / "action_uplifts" / f"{as_of}.parquet"
    assert learn_uplift(home, as_of)["status"] == "learned"
    first = file.read_bytes()
    learn_uplift(home, as_of)
    assert file.read_bytes() == first
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("DELETE FROM marts.fct_bookings WHERE booked_at::DATE > ?", [as_of])
        connection.execute("DELETE FROM marts.customer_features WHERE as_of_date > ?", [as_of])
    learn_uplift(home, as_of)
    assert file.read_bytes() == first


# --- the shrunk learner and the measure of learners, on made-up numbers -------------------------------------


def made_up(random, n: int, share_of_value: float, later: bool = False) -> pd.DataFrame:
    """Assignments whose effect is a share of the expected margin."""
    margin = random.gamma(2, 200, n)
    treated = random.random(n) < 0.8
    rows = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "action": "discount",
            "stratum": "one",
            "is_treated": treated,
            "cost": np.where(treated, 18.0, 0.0),
            "treated_share": 0.8,
            "expected_margin": margin,
            "expected_value": margin,
            DOSE + "discount": 0.0,
        }
    )
    if later:
        # Of those held out four in five are treated a month later.
        rows.loc[~treated, DOSE + "discount"] = (random.random((~treated).sum()) < 0.8) * 2 / 3
    dose = treated + rows[DOSE + "discount"]
    rows["value"] = margin + share_of_value * margin * dose + random.normal(0, 100, n)
    for name in ("overdue_ratio", "discount_share_12m", "is_loyalty_member", "complaints_12m"):
        rows[name] = random.random(n)
    for name in ("days_since_last_complaint", "average_travellers", "average_lead_days"):
        rows[name] = random.random(n) * 100
    return rows


@pytest.mark.parametrize("later", [False, True])
def test_a_share_of_the_expected_margin_is_found_even_if_the_holdout_is_treated_later(later):
    shares, ses = [], []
    for seed in range(8):
        rows = made_up(np.random.default_rng(seed), 6000, 0.10, later)
        found = fit_shrunk(rows, "value", "expected_value", "expected_margin")
        effect, _ = found.effect(rows, "discount")
        shares.append(effect.sum() / rows["expected_margin"].sum())
        ses.append(np.sqrt(found.shares["discount"][1][0, 0]))
    # Without taking out what was done later it would be 0.05.
    assert np.mean(shares) == pytest.approx(0.10, abs=0.015)
    assert 0.5 < np.std(shares) / np.mean(ses) < 1.5


def test_few_customers_are_shrunk_towards_nothing():
    random = np.random.default_rng(2)
    few, many = (made_up(random, n, 0.10) for n in (250, 20_000))
    few["value"] += random.normal(0, 800, len(few))
    shares = [
        fit_shrunk(rows, "value", "expected_value", "expected_margin").shares["discount"]
        for rows in (few, many)
    ]
    assert shares[0][1][0, 0] > shares[1][1][0, 0]
    assert abs(shares[0][0][0]) < 0.10


def test_actions_learn_from_each_other_only_where_their_worth_is_counted_alike():
    """What a discount brings is counted by its window, so surely that it would drag the others along."""
    random = np.random.default_rng(5)
    surely_nothing, few = made_up(random, 20_000, 0.0), made_up(random, 1500, 0.10)
    few["value"] += random.normal(0, 300, len(few))

    def share_of_upgrade(other: str) -> float:
        rows = pd.concat(
            [surely_nothing.assign(action=other), few.assign(action="upgrade")], ignore_index=True
        ).assign(**{DOSE + action: 0.0 for action in ("upgrade", other)})
        return fit_shrunk(rows, "value", "expected_value", "expected_margin").shares["upgrade"][0][0]

    assert share_of_upgrade("care_call") < 0.6 * share_of_upgrade("discount")


def test_an_action_nobody_has_tried_is_worth_nothing_give_or_take():
    rows = made_up(np.random.default_rng(3), 2000, 0.10)
    found = fit_shrunk(rows, "value", "expected_value", "expected_margin")
    effect, se = found.effect(rows, "upgrade")
    chosen = parameters()
    assert (effect == 0).all()
    assert se == pytest.approx(
        found.moves(rows, "upgrade") * np.hypot(chosen["prior_mean_sd"], chosen["prior_spread"])
    )


def test_money_moves_less_than_in_proportion_to_what_is_expected():
    rows = pd.DataFrame({"expected_margin": [-5.0, 0.0, 250.0, 1000.0, 4000.0]})
    found = Shrunk("expected_margin", reference=1000.0)
    assert found.moves(rows, "discount") == pytest.approx([0, 0, 1000 * 0.25**0.8, 1000, 1000 * 4**0.8])
    chance = pd.DataFrame({"movable_return": [0.1, 0.2]})
    assert Shrunk("movable_return", reference=0.3).moves(chance, "discount") == pytest.approx([0.1, 0.2])


def test_what_costs_next_to_nothing_is_not_believed_to_move_a_year():
    """The same outcomes, once of an upgrade at 18 and once of a message at 0.2."""
    rows = made_up(np.random.default_rng(4), 1500, 0.10)
    rows["value"] += np.random.default_rng(5).normal(0, 600, len(rows))
    told = {}
    for cost in (18.0, 0.2):
        rows["cost"] = np.where(rows["is_treated"], cost, 0.0)
        effect, se = fit_shrunk(rows, "value", "expected_value", "expected_margin").effect(rows, "discount")
        told[cost] = effect.mean()
        assert se.max() <= 1.3 * cost * parameters()["most_return_on_cost"]["expected_margin"]
    assert told[18.0] > 25
    assert 0 < told[0.2] < told[18.0] / 2.5


def test_a_discount_counts_by_its_window_alone(tmp_path):
    """What it brings forward makes its customers look better than they are, for a while."""
    as_of, values = date(2025, 5, 31), {}
    for action in ("discount", "upgrade"):
        home = publish_campaigns(
            Home(tmp_path / action), [Campaign("spring", action, date(2025, 1, 15), 900, 0.2)], customers=1200
        )
        rows = read_uplift_frame(home, as_of).learned
        values[action] = rows.set_index("customer_id")["value"]
        assert (rows["expected_value"] > 0).all()
    # The same customers and bookings: only what is expected of the rest of the year is the difference.
    assert (values["upgrade"] >= values["discount"]).all()
    assert values["upgrade"].mean() > values["discount"].mean() * 1.2


def test_shares_that_agree_are_pooled_and_shares_that_differ_are_not():
    alike = hyper(np.full(5, 0.08), np.full(5, 0.02), 0.1, 0.05)
    apart = hyper(np.array([-0.3, -0.1, 0.1, 0.3, 0.5]), np.full(5, 0.02), 0.1, 0.05)
    assert alike[1] < 0.05 < apart[1]
    assert alike[0] == pytest.approx(0.08, abs=0.02)
    nothing = hyper(np.zeros(6), np.full(6, 0.04), 0.1, 0.05)
    assert nothing[0] == 0
    assert nothing[1] < 0.05


def test_a_perfect_ranking_has_a_larger_qini_than_chance_and_the_reverse_a_negative_one():
    random = np.random.default_rng(4)
    n = 20_000
    own = random.normal(10, 50, n)
    treated = random.random(n) < 0.8
    rows = pd.DataFrame(
        {"treated_share": 0.8, "is_treated": treated, "value": own * treated, "expected_value": 0.0}
    )
    perfect, chance, reverse = (qini(gain_curve(r, rows)) for r in (own, random.random(n), -own))
    assert perfect > 8
    assert abs(chance) < 1.5
    assert reverse < -8


def test_the_simple_learner_stays_unless_another_is_clearly_better():
    def scores(**folds):
        return {name: {"qini": float(np.mean(v)), "qini_folds": v} for name, v in folds.items()}

    same = {name: [0.0, 0.0, 0.0] for name in ("linear_dml", "x_learner", "t_learner")}
    assert choose(scores(shrunk=[1.0, 2.0, 3.0], dr_learner=[3.0, 1.0, 3.0], **same))[0] == "shrunk"
    assert choose(scores(shrunk=[1.0, 2.0, 3.0], dr_learner=[2.0, 3.1, 3.9], **same))[0] == "dr_learner"
    # In a company whose actions do nothing these folds came by chance: nearly four standard errors.
    by_chance = {name: [-9.0, -9.0, -9.0] for name in ("linear_dml", "dr_learner", "x_learner")}
    folds = {"shrunk": [-10.28, -17.38, 4.93], "t_learner": [-0.12, 2.37, 14.22]}
    assert choose(scores(**folds, **by_chance))[0] == "shrunk"


def test_another_learner_is_no_surer_than_it_differs_from_the_shrunk_one(tmp_path, monkeypatch):
    campaign = Campaign("a", "discount", date(2025, 1, 6), 800, effect=0.25, control_share=0.4)
    home = publish_campaigns(Home(tmp_path), [campaign], customers=1200)

    def told(learner: str) -> pd.DataFrame:
        found = {"chosen": learner, "reason": "", "scores": {}}
        monkeypatch.setattr("ml.uplift.stage._compared", lambda *_: found)
        monkeypatch.setattr("ml.uplift.stage.fit", lambda *_: lambda rows: np.full(len(rows), 500.0))
        learn_uplift(home, AS_OF)
        return uplifts(home)[lambda table: table["action"] == "discount"].reset_index(drop=True)

    shrunk, other = told("shrunk"), told("t_learner")
    assert (other["effect_on_value"] == 500.0).all()
    distance = 500.0 - shrunk["effect_on_value"]
    assert other["effect_on_value_se"].to_numpy() == pytest.approx(
        np.hypot(shrunk["effect_on_value_se"], distance).to_numpy()
    )
