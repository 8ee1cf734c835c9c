"""Deciding a round: what is in a plan, what is not, and what is said where there can be none."""

import json
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.measure import minimum_detectable_effect
from roundtrip.rounds import approve, decide, refuse, round_of, waiting
from roundtrip.rounds.choose import choose
from roundtrip.rounds.settings import Retention
from roundtrip.rounds.words import LANGUAGES
from tests.rounds_fixture import AS_OF, Scene, arrange, interventions, plan_of, publish, told_of


def decided(home: Home, scene: Scene) -> tuple[dict, pd.DataFrame]:
    arrange(home, scene)
    summary = decide(home, AS_OF)
    return summary, plan_of(home)


def why_not(home: Home, scene: Scene) -> str:
    arrange(home, scene)
    summary = decide(home, AS_OF)
    assert summary["round_id"] is None
    assert not list(home.rounds_dir.glob("*"))
    assert set(summary["nothing_planned"]) == set(LANGUAGES)
    # The table is there all the same, empty.
    assert interventions(home).empty
    return summary["nothing_planned"]["en"]


def test_a_plan_pays_keeps_its_limits_and_says_so(home: Home):
    retention = {"budget_per_round": 900, "channel_capacity": {"phone": 12}}
    summary, plan = decided(home, Scene(retention=retention))
    told = told_of(home)
    treated = plan[plan["arm"] == "treatment"]
    assert 800 < treated["cost"].sum() <= 900
    assert (treated["channel"] == "phone").sum() <= 12
    assert plan["customer_id"].is_unique
    assert plan["intervention_id"].is_unique
    exploited = plan[~plan["is_exploration"]]
    assert (exploited["expected_net_value"] > 0).all()
    np.testing.assert_allclose(
        exploited["expected_net_value"], exploited["expected_value"] - exploited["unit_cost"]
    )
    assert (plan.loc[plan["arm"] == "control", "cost"] == 0).all()
    assert summary["cost"] == pytest.approx(treated["cost"].sum()) == pytest.approx(told["cost"])
    assert told["solution"]["gap"] <= 0.0005
    assert told["solution"]["prices"]["budget"] > 0
    gain = told["expected_gain"]
    assert gain["low"] < gain["value"] < gain["high"]
    assert summary["state"] == "proposed"
    assert waiting(home) == [f"R-{AS_OF}"] == [round_of(home, AS_OF)]
    for language in LANGUAGES:
        assert told["texts"][language]
    assert set(interventions(home)["status"]) == {"proposed"}


def test_what_a_kept_customer_is_worth_moves_the_plan_to_those_who_would_leave(home: Home, tmp_path):
    """The same company, budget and effects: one plan for margin alone, one that pays for keeping somebody."""
    _, for_margin = decided(home, Scene(retention={"budget_per_round": 900, "explore_share": 0}))
    other = Home(tmp_path / "keeps")
    keeps = {"budget_per_round": 900, "explore_share": 0, "kept_customer_value": 3000}
    summary, for_keeping = decided(other, Scene(retention=keeps))
    margin, keeping = (told_of(each) for each in (home, other))
    assert margin["cost"] <= 900
    assert keeping["cost"] <= 900
    assert keeping["expected_kept"] > 1.2 * margin["expected_kept"]
    assert keeping["expected_gain"]["value"] < margin["expected_gain"]["value"]
    # What margin an action brings is told as it is; what a kept customer is worth is not mixed into it.
    np.testing.assert_allclose(
        for_keeping["expected_net_value"], for_keeping["expected_value"] - for_keeping["unit_cost"]
    )
    assert (for_margin["expected_net_value"] > 0).all()
    assert (for_keeping["expected_net_value"] < 0).any()
    assert for_keeping["expected_kept"].between(0, 0.02).all()
    treated = for_keeping[for_keeping["arm"] == "treatment"]
    assert summary["expected_kept"] == pytest.approx(treated["expected_kept"].sum())
    assert "Each counts as 3,000 CNY" in " ".join(keeping["texts"]["en"])
    assert "3,000 CNY" in " ".join(keeping["texts"]["zh"])
    assert "Each counts" not in " ".join(margin["texts"]["en"])


def test_without_scores_nobody_counts_as_kept(home: Home):
    arrange(home, Scene())
    with duckdb.connect(str(home.current_db)) as warehouse:
        warehouse.execute("DROP TABLE marts.customer_scores")
    decide(home, AS_OF)
    # Of an action that the uplift product does not know nothing is said.
    assert (plan_of(home)["expected_kept"].dropna() == 0).all()
    assert plan_of(home)["expected_kept"].notna().any()
    assert told_of(home)["expected_kept"] == 0


def test_a_plan_of_an_earlier_release_is_still_read(home: Home):
    """It was written without expected_kept, in the file of assignments and in that of numbers."""
    decided(home, Scene())
    folder = home.rounds_dir / f"R-{AS_OF}"
    plan_of(home).drop(columns="expected_kept").to_parquet(folder / "plan.parquet", index=False)
    told = told_of(home)
    del told["expected_kept"]
    (folder / "plan.json").write_text(json.dumps(told), encoding="utf-8")
    assert decide(home, AS_OF)["expected_kept"] is None
    assert len(interventions(home)) == len(plan_of(home))
    assert interventions(home)["expected_kept"].isna().all()


def test_the_same_plan_again_whoever_makes_it(home: Home, tmp_path):
    decided(home, Scene())
    other = Home(tmp_path / "other")
    decided(other, Scene())
    for name in ("plan.parquet",):
        ours, theirs = (each.rounds_dir / f"R-{AS_OF}" / name for each in (home, other))
        assert ours.read_bytes() == theirs.read_bytes()
    assert told_of(home) == told_of(other)


def test_a_plan_is_never_changed_afterwards(home: Home):
    decided(home, Scene())
    files = {file: file.read_bytes() for file in (home.rounds_dir / f"R-{AS_OF}").iterdir()}
    arrange(home, Scene(retention={"budget_per_round": 10_000}, seed=2))
    assert decide(home, AS_OF)["planned"] is False
    assert {file: file.read_bytes() for file in (home.rounds_dir / f"R-{AS_OF}").iterdir()} == files


def test_everybody_in_it_may_be_in_it(home: Home):
    people = arrange(home, Scene(touched=0.3)).set_index("customer_id")
    decide(home, AS_OF)
    plan = plan_of(home)
    who = people.loc[plan["customer_id"]]
    assert who["may_be_profiled"].all()
    assert not who["is_high_volume"].any()
    assert not (who["lifecycle_stage"] == "prospect").any()
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        connection.register("plan", plan)
        against = connection.execute(
            "SELECT count(*) FROM plan JOIN marts.customer_consents c ON plan.customer_id = c.customer_id "
            "AND plan.channel = c.purpose WHERE NOT is_granted"
        ).fetchone()[0]
        touched = connection.execute(
            "SELECT count(*) FROM plan SEMI JOIN marts.fct_campaign_touches USING (customer_id)"
        ).fetchone()[0]
    assert (against, touched) == (0, 0), "no consent; a contact ten days ago"
    unsubscribed = who["has_unsubscribed"].to_numpy()
    assert unsubscribed.any()
    assert not plan.loc[unsubscribed, "channel"].isin(["email", "sms", "push"]).any()
    told = told_of(home)["left_out"]
    assert {"profiling_withdrawn", "high_volume", "resting"} <= set(told)
    assert told["resting"] > 50


def test_strategies_for_warnings_are_for_the_warned_only(home: Home):
    _, plan = decided(home, Scene(warned=0.5))
    only = plan[plan["strategy_id"].isin(["price_guarantee", "recovery_after_failure"])]
    assert len(only)
    assert only["warning_id"].notna().all()
    assert (only["due_on"] <= AS_OF).all(), "the warning is due on the day"
    assert plan["warning_id"].isna().any(), "others may be approached without one"


def test_a_holdout_is_dealt_in_every_stratum_at_the_share_that_was_said(home: Home):
    retention = {"budget_per_round": 8000, "holdout_share": 0.25}
    _, plan = decided(home, Scene(customers=3000, retention=retention))
    for _, campaign in plan.groupby("campaign_id"):
        held = (campaign["arm"] == "control").sum()
        assert held == np.ceil(0.25 * len(campaign))
    for name, stratum in plan.groupby("stratum"):
        if len(stratum) > 1:
            assert (stratum["arm"] == "control").any(), name
    assert (plan["control_share"] == 0.25).all()


def test_exploring_takes_its_share_and_stops_where_nothing_is_plausible(home: Home, tmp_path):
    """An upgrade costs 30 and brings -5: with an error of 40 it may still pay, with one of 5 it cannot."""
    retention = {"budget_per_round": 1000, "explore_share": 0.2}
    _, doubtful = decided(home, Scene(value_se=40.0, retention=retention))
    explored = doubtful[doubtful["is_exploration"]]
    assert 100 < explored["cost"].sum() <= 200
    assert "upgrade" in set(explored["action"])
    hopeless = dict.fromkeys(("discount", "points_bonus", "upgrade", "care_call", "service_recovery"), -30.0)
    scene = Scene(value_se=0.1, retention=retention, value=hopeless | {"content": 60.0})
    _, sure = decided(Home(tmp_path / "sure"), scene)
    assert set(sure["action"]) == {"content"}
    assert not sure["is_exploration"].any()


def test_where_no_action_can_work_nothing_is_spent(home: Home):
    nothing = Scene(value=dict.fromkeys([*Scene().value, "service_recovery"], -60.0), value_se=1.0)
    assert "no action is expected to pay" in why_not(home, nothing)


def test_without_randomised_campaigns_the_round_explores_with_equal_arms(home: Home):
    _, plan = decided(home, Scene(customers=2000, value={}, retention={"budget_per_round": 2500}))
    told = told_of(home)
    assert told["is_exploration"]
    assert "only explores" in " ".join(told["texts"]["en"])
    assert plan["is_exploration"].all()
    assert (plan["control_share"] == 0.5).all()
    arms = plan.groupby(["action", "arm"]).size().unstack()
    assert (arms["control"] - arms["treatment"]).between(0, 1).all()
    assert plan.loc[plan["arm"] == "treatment", "cost"].sum() <= 2500
    assert plan["expected_net_value"].isna().all()
    assert arms.sum(axis=1).drop("service_recovery").nunique() == 1, "as many of each action"


def test_effects_without_evidence_count_as_none(home: Home):
    _, plan = decided(home, Scene(evidence="none"))
    assert plan["is_exploration"].all()


def test_no_uplift_product_is_an_exploration_too_and_later_ones_are_not_seen(home: Home):
    arrange(home, Scene())
    file = home.products_dir / "action_uplifts" / f"{AS_OF}.parquet"
    file.rename(file.with_name("2025-07-31.parquet"))
    decide(home, AS_OF)
    assert told_of(home)["uplifts_of"] is None
    assert told_of(home)["is_exploration"]


def test_a_company_without_consents_is_taken_as_the_contract_has_it_or_left_alone(home: Home, tmp_path):
    decided(home, Scene(withdrawn=None))
    assert "no answers about channels" in " ".join(told_of(home)["texts"]["en"])
    bare = Home(tmp_path / "bare")
    arrange(bare, Scene())
    with duckdb.connect(str(bare.current_db)) as connection:
        connection.execute("DROP TABLE marts.customer_consents")
    assert decide(bare, AS_OF)["planned"]
    assert told_of(bare)["has_consents"] is False
    strict = {"budget_per_round": 1500, "without_consent_answer": "leave_out"}
    strict_scene = Scene(withdrawn=None, retention=strict)
    assert "nobody can be approached" in why_not(Home(tmp_path / "strict"), strict_scene)


def test_no_budget_and_a_budget_of_zero_are_no_round(home: Home, tmp_path):
    assert "set retention.budget_per_round" in why_not(home, Scene(retention=None))
    zero = Scene(retention={"budget_per_round": 0})
    assert "budget_per_round is 0" in why_not(Home(tmp_path / "zero"), zero)


def test_an_action_without_a_cost_is_left_out_and_named(home: Home, tmp_path):
    """Costs of the shipped table are in CNY; a company in EUR has those of its campaigns, if any."""
    arrange(home, Scene(currency="EUR"))
    assert decide(home, AS_OF)["round_id"] is None
    other = Home(tmp_path / "other")
    _, plan = decided(other, Scene(currency="EUR", touched=0.2, unit_cost=4.0))
    assert set(plan["action"]) == {"discount"}
    assert (plan["unit_cost"] == 4.0).all()
    told = told_of(other)
    assert told["without_cost"] == ["care_call", "content", "points_bonus", "service_recovery", "upgrade"]
    assert "no cost is known: care_call" in " ".join(told["texts"]["en"])


def test_everybody_held_out_spends_nothing_and_waits_for_nobody(home: Home):
    summary, plan = decided(home, Scene(retention={"budget_per_round": 500, "holdout_share": 1}))
    assert set(plan["arm"]) == {"control"}
    assert (summary["cost"], summary["treatment"], summary["waiting"]) == (0, 0, [])
    assert summary["mde"] is None
    assert "Everybody is held out" in " ".join(told_of(home)["texts"]["en"])


def test_a_round_is_due_when_the_last_one_is_old_enough(home: Home):
    people = arrange(home, Scene())
    decide(home, AS_OF)
    for days, is_planned in ((1, False), (27, False), (28, True)):
        day = AS_OF + timedelta(days=days)
        publish(home, Scene(), people, np.random.default_rng(1), day)
        summary = decide(home, day)
        assert summary["planned"] is is_planned, days
        if not is_planned:
            assert str(AS_OF + timedelta(days=28)) in summary["nothing_planned"]["en"]
    assert len(interventions(home, day)) > len(interventions(home))


def test_a_past_day_gets_no_round_after_a_later_one(home: Home):
    people = arrange(home, Scene())
    decide(home, AS_OF)
    before = AS_OF - timedelta(days=60)
    publish(home, Scene(), people, np.random.default_rng(1), before)
    assert "there is one of 2025-06-30" in decide(home, before)["nothing_planned"]["en"]
    assert interventions(home, before).empty, "a round of later is not known"


def test_both_arms_rest_after_a_round_and_those_refused_do_not(home: Home, tmp_path):
    scene = Scene(retention={"budget_per_round": 1500, "rest_days": 40})
    for place, say in ((home, approve), (Home(tmp_path / "refused"), refuse)):
        people = arrange(place, scene)
        decide(place, AS_OF)
        first = plan_of(place)
        say(place, f"R-{AS_OF}", by="me")
        day = AS_OF + timedelta(days=28)
        publish(place, scene, people, np.random.default_rng(1), day)
        decide(place, day)
        again = plan_of(place, f"R-{day}")["customer_id"].isin(first["customer_id"])
        assert again.any() == (say is refuse)


def test_a_strategy_has_its_limit_a_year(home: Home):
    """`welcome` and others once a year; membership_points four times."""
    scene = Scene(retention={"budget_per_round": 4000, "rest_days": 0, "max_contacts_90d": 90})
    people = arrange(home, scene)
    plans = []
    for month in range(4):
        day = AS_OF + timedelta(days=28 * month)
        publish(home, scene, people, np.random.default_rng(1), day)
        decide(home, day)
        approve(home, f"R-{day}", by="me")
        plans.append(plan_of(home, f"R-{day}"))
    times = pd.concat(plans).groupby(["customer_id", "strategy_id"]).size().groupby("strategy_id").max()
    assert times["membership_invitation"] == 1
    assert times["seasonal_offer"] <= 2
    assert times.max() > 2


def test_a_small_plan_may_go_by_itself(home: Home, tmp_path):
    arrange(home, Scene(retention={"budget_per_round": 100, "auto_approve_up_to": 100}))
    summary = decide(home, AS_OF)
    assert (summary["state"], summary["waiting"]) == ("approved", [])
    decision = json.loads((home.rounds_dir / f"R-{AS_OF}" / "decision.json").read_text(encoding="utf-8"))
    assert decision["by"] == "roundtrip"
    assert "auto_approve_up_to" in decision["note"]
    other = Home(tmp_path / "other")
    arrange(other, Scene(retention={"budget_per_round": 1000, "auto_approve_up_to": 100}))
    assert decide(other, AS_OF)["state"] == "proposed"


def test_the_outcome_of_both_arms_is_told_when_the_window_has_closed(home: Home):
    scene = Scene(retention={"budget_per_round": 100, "auto_approve_up_to": 100})
    people = arrange(home, scene)
    decide(home, AS_OF)
    from roundtrip.rounds import act

    act(home, AS_OF)
    who = plan_of(home)["customer_id"].tolist()
    times = [
        ("2025-07-01", None),
        ("2025-06-30", None),
        ("2025-09-28", "2025-10-05"),
        ("2025-08-01", "2025-08-09"),
        ("2025-09-29", None),
    ]
    booked = dict(zip(who, times, strict=False))
    for days, expected in ((89, set()), (90, {"returned", "not_returned"})):
        day = AS_OF + timedelta(days=days)
        publish(home, scene, people, np.random.default_rng(1), day)
        with duckdb.connect(str(home.current_db)) as connection:
            connection.execute("DELETE FROM marts.fct_bookings")
            connection.executemany(
                "INSERT INTO marts.fct_bookings VALUES ('b', ?, ?, ?)",
                [(customer, at, gone) for customer, (at, gone) in booked.items()],
            )
            connection.execute("UPDATE marts.warehouse_info SET as_of_date = ?", [day])
        decide(home, day)
        rows = interventions(home, day)
        rows = rows[rows["round_id"] == f"R-{AS_OF}"].set_index("customer_id")
        assert set(rows["outcome"].dropna()) == expected, days
    assert rows["outcome"].loc[who[:5]].tolist() == [
        "returned",  # the day after
        "not_returned",  # on the day itself
        "returned",  # on the last day, and cancelled after the window
        "not_returned",  # cancelled within it
        "not_returned",  # a day too late
    ]
    assert set(rows["status"]) == {"sent", "held_out"}


def test_it_asks_for_the_warehouse_of_the_day(home: Home):
    arrange(home, Scene())
    with pytest.raises(BadInput, match="as of 2025-06-30, not 2025-07-01"):
        decide(home, date(2025, 7, 1))


@pytest.mark.parametrize(
    ("retention", "said"),
    [
        (["budget"], "retention is"),
        ({"budget": 5}, "unknown keys: budget"),
        ({"budget_per_round": -1}, "budget_per_round is -1"),
        ({"budget_per_round": "much"}, "budget_per_round is 'much'"),
        ({"budget_per_round": True}, "budget_per_round is True"),
        ({"budget_per_round": float("inf")}, "budget_per_round is inf"),
        ({"budget_per_round": float("nan")}, "budget_per_round is nan"),
        ({"holdout_share": 0}, "holdout_share is 0"),
        ({"holdout_share": 1.2}, "from 0.05 to 1"),
        ({"explore_share": 2}, "explore_share is 2"),
        ({"every_days": 0}, "every_days is 0"),
        ({"every_days": 7.5}, "a whole number"),
        ({"channel_capacity": {"fax": 3}}, "names 'fax'"),
        ({"channel_capacity": {"phone": -3}}, "phone is -3"),
        ({"channel_capacity": [3]}, "channel_capacity is"),
        ({"webhook_env": "https://x.example/secret"}, "webhook_env is not the name"),
        ({"without_consent_answer": "ask"}, "without_consent_answer is 'ask'"),
    ],
    ids=lambda value: json.dumps(value)[:40] if not isinstance(value, str) else "",
)
def test_a_setting_that_makes_no_sense_is_refused(tmp_path, retention, said):
    import yaml

    from roundtrip.company import Company

    (tmp_path / "company.yml").write_text(yaml.safe_dump({"retention": retention}), encoding="utf-8")
    with pytest.raises(BadInput) as told:
        Company.describe(tmp_path, None)
    assert said in str(told.value)
    assert "secret" not in str(told.value)


def test_the_smallest_effect_is_that_of_measuring(home: Home):
    _, plan = decided(home, Scene(customers=2000))
    told = told_of(home)
    arms = plan["arm"].value_counts()
    expected = minimum_detectable_effect(int(arms["treatment"]), int(arms["control"]), told["base_rate"])
    assert told["mde"] == pytest.approx(expected)
    assert 0 < told["base_rate"] < 1


def test_chance_never_treats_more_than_the_budget_allows():
    """A single customer is treated with a chance of four in five, and then costs more than was counted."""
    one = pd.DataFrame(
        {
            "customer_id": ["a"],
            "strategy_id": ["s"],
            "action": ["discount"],
            "channel": ["email"],
            "is_first": [True],
            "per_round": [np.inf],
            "cost": [18.0],
            "evidence": ["randomised"],
            "net_value": [50.0],
            "worth": [50.0],
            "ceiling": [60.0],
            "value_tier": ["high"],
            "risk_band": ["low"],
        }
    )
    enough, short = (
        [
            choose(one, Retention.of({"retention": {"budget_per_round": budget}}), f"R-{number}").rows
            for number in range(40)
        ]
        for budget in (18, 15)
    )
    arms = [plan["arm"].iloc[0] for plan in enough]
    assert 24 <= arms.count("treatment") <= 38
    assert all((plan["arm"] == "control").all() for plan in short)
