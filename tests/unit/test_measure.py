"""Measuring campaigns: effects that are known, arms that are not random, what is missing, what lies ahead."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.measure import measure
from roundtrip.measure.tables import _verdicts
from tests.measure_fixture import AS_OF, Campaign, publish_campaigns

SPRING = date(2025, 2, 3)


def effects(home: Home, as_of: date = AS_OF) -> pd.DataFrame:
    return pd.read_parquet(home.products_dir / "campaign_effects" / f"{as_of}.parquet")


def checks(home: Home, as_of: date = AS_OF) -> pd.DataFrame:
    return pd.read_parquet(home.products_dir / "campaign_checks" / f"{as_of}.parquet")


def row(home: Home, campaign_id="all", action="all", outcome="return", days=90, as_of=AS_OF) -> pd.Series:
    table = effects(home, as_of)
    (found,) = table[
        (table["campaign_id"] == campaign_id) & (table["action"] == action) & (table["segment_kind"] == "all")
        & (table["outcome"] == outcome) & (table["window_days"] == days)
    ].to_dict("records")  # fmt: skip
    return pd.Series(found)


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> Home:
    home = Home(tmp_path_factory.mktemp("measured"))
    campaigns = [
        Campaign("strong", "discount", SPRING, 3000, effect=0.20),
        Campaign("useless", "content", SPRING, 3000, effect=0.0, unit_cost=1.0),
        Campaign("free", "upgrade", date(2025, 3, 3), 1500, effect=0.10, unit_cost=None),
        Campaign("chosen", "care_call", date(2025, 1, 6), 1500, effect=0.0, by="value"),
        Campaign("silent", "care_call", date(2025, 1, 6), 300, by="all_control"),
        Campaign("tiny", "points_bonus", date(2025, 1, 6), 20),
    ]
    publish_campaigns(home, campaigns)
    measure(home, AS_OF)
    return home


def test_a_known_effect_is_found_and_a_useless_campaign_is_called_so(told):
    strong, useless = (
        row(told, "strong", "discount"),
        row(told, "useless", "content"),
    )
    assert strong["ci_low"] < 0.20 < strong["ci_high"]
    assert strong["is_significant_sequential"]
    assert (strong["verdict"], useless["verdict"]) == ("helps", "open")
    assert strong["p_value"] < 1e-6
    assert useless["ci_low"] < 0 < useless["ci_high"]
    assert not useless["is_significant_sequential"]
    assert strong["n_treatment"] + strong["n_control"] == 3000
    assert "rounds" not in set(effects(told)["campaign_id"])


def test_what_was_known_before_narrows_the_interval(told):
    for name, action in (("strong", "discount"), ("useless", "content")):
        found = row(told, name, action, outcome="return")
        plain = found["unadjusted_high"] - found["unadjusted_low"]
        assert found["ci_high"] - found["ci_low"] < plain


def test_net_value_is_margin_gained_less_cost(told):
    found = row(told, "strong", "discount", outcome="margin")
    assert found["cost"] == pytest.approx(10.0 * found["n_treatment"])
    assert found["net_value"] == pytest.approx(found["effect"] * found["n_treatment"] - found["cost"])
    assert found["net_value_low"] < found["net_value"] < found["net_value_high"]
    assert found["return_on_spend"] == pytest.approx(found["effect"] * found["n_treatment"] / found["cost"])


def test_without_a_cost_the_effect_is_told_and_the_net_value_is_not(told):
    found = row(told, "free", "upgrade", outcome="margin")
    assert np.isfinite(found["effect"])
    assert pd.isna(found["net_value"])
    assert pd.isna(found["cost"])
    assert "cost of the action is not known" in found["not_told_en"]
    assert "成本" in found["not_told_zh"]


def test_arms_that_were_chosen_are_flagged_and_kept_out_of_what_is_pooled(told):
    table = checks(told)
    (balance,) = table[(table["campaign_id"] == "chosen") & (table["check"] == "balance")].to_dict("records")
    assert balance["passed"] is False
    assert balance["p_value"] < 0.001
    assert "not drawn at random" in balance["told_en"]
    assert balance["told_zh"]
    assert not row(told, "chosen", "care_call")["is_randomised_plausible"]
    assert row(told, "all", "care_call")["n_treatment"] == 0
    assert row(told, "strong", "discount")["is_randomised_plausible"]


def test_everybody_held_out_is_no_campaign_to_compare(told):
    table = checks(told)
    (arms,) = table[table["campaign_id"] == "silent"].to_dict("records")
    assert arms["check"] == "arms"
    assert arms["passed"] is False
    assert "nothing can be compared" in arms["told_en"]
    found = row(told, "silent", "care_call")
    assert pd.isna(found["effect"])
    assert found["n_treatment"] == 0
    assert found["not_told_en"]


def test_few_customers_are_not_told_alone(told):
    found = row(told, "tiny", "points_bonus")
    assert pd.isna(found["effect"])
    assert "too few" in found["not_told_en"]


def test_segments_say_how_many_tests_there_were(told):
    table = effects(told)
    segments = table[(table["segment_kind"] != "all") & table["effect"].notna()]
    assert set(segments["segment_kind"]) == {"value_tier", "lifecycle_stage"}
    assert set(segments["window_days"]) == {90}
    for outcome, family in segments.groupby("outcome"):
        assert (family["tests_in_family"] == len(family)).all(), outcome
    strong = segments[(segments["action"] == "discount") & (segments["outcome"] == "return")]
    assert strong["is_significant_fdr"].any()
    assert set(strong.loc[strong["is_significant_fdr"], "verdict"]) == {"helps"}


def test_a_verdict_is_beyond_chance_and_still_there():
    """A look that crossed stays crossed: of a small effect the other way in the end it says nothing."""
    told = [
        # segment_kind, is_significant_sequential, is_significant_fdr, effect, its interval's half width
        ("all", True, None, 0.05, 0.01, "helps"),
        ("all", True, None, -0.05, 0.01, "harms"),
        ("all", False, None, -0.05, 0.01, "open"),
        ("all", True, None, -0.0002, 0.01, "open"),
        ("need_segment", None, True, -0.05, 0.01, "harms"),
        ("need_segment", None, False, -0.05, 0.01, "open"),
        ("all", None, None, np.nan, np.nan, None),
    ]
    kinds = ["segment_kind", "is_significant_sequential", "is_significant_fdr", "effect", "half", "verdict"]
    table = pd.DataFrame(told, columns=kinds)
    table = table.assign(ci_low=table["effect"] - table["half"], ci_high=table["effect"] + table["half"])
    assert list(_verdicts(table)) == [row[-1] for row in told]


def test_satisfaction_is_told_where_there_are_answers_and_reasoned_where_not(told):
    assert np.isfinite(row(told, "strong", "discount", outcome="satisfaction")["effect"])
    assert "answers" in row(told, "tiny", "points_bonus", outcome="satisfaction")["not_told_en"]


def test_a_window_that_is_open_has_no_effect_yet(tmp_path):
    home = publish_campaigns(Home(tmp_path), [Campaign("new", "discount", date(2025, 4, 15), 1000, 0.2)])
    measure(home, AS_OF)
    assert np.isfinite(row(home, "new", "discount", days=60)["effect"])
    assert 90 not in set(effects(home)["window_days"])


def test_no_campaigns_give_empty_products_and_say_so(tmp_path):
    for touches in (True, False):
        home = publish_campaigns(Home(tmp_path / str(touches)), [], customers=50, touches=touches)
        summary = measure(home, AS_OF)
        assert summary["assignments"] == 0
        assert "no campaigns" in summary["messages"][0]
        assert effects(home).empty
        assert checks(home).empty
        assert "net_value" in effects(home)
        assert "told_zh" in checks(home)


def test_nothing_published_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        measure(Home(tmp_path), AS_OF)


def test_without_prices_only_returns_are_told(tmp_path):
    home = publish_campaigns(Home(tmp_path), [Campaign("strong", "discount", SPRING, 2000, 0.2)], margin=None)
    summary = measure(home, AS_OF)
    assert set(effects(home)["outcome"]) == {"return", "bookings", "satisfaction"}
    assert any("no prices" in words for words in summary["messages"])


def test_without_margins_revenue_is_measured_and_no_net_value(tmp_path):
    home = publish_campaigns(Home(tmp_path), [Campaign("strong", "discount", SPRING, 2000, 0.2)])
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("UPDATE marts.fct_bookings SET margin_value = NULL")
    measure(home, AS_OF)
    found = row(home, "strong", "discount", outcome="revenue")
    assert np.isfinite(found["effect"])
    assert pd.isna(found["net_value"])
    assert "no margins" in found["not_told_en"]


def test_a_second_run_writes_the_same_bytes_and_what_comes_later_changes_nothing(tmp_path):
    home = publish_campaigns(
        Home(tmp_path),
        [
            Campaign("strong", "discount", SPRING, 2000, 0.2),
            Campaign("new", "content", date(2025, 6, 2), 500),
        ],
    )
    as_of = date(2025, 5, 31)
    measure(home, as_of)
    files = [home.products_dir / n / f"{as_of}.parquet" for n in ("campaign_effects", "campaign_checks")]
    first = [file.read_bytes() for file in files]
    measure(home, as_of)
    assert [file.read_bytes() for file in files] == first
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("DELETE FROM marts.fct_bookings WHERE booked_at::DATE > ?", [as_of])
        connection.execute("DELETE FROM marts.fct_campaign_touches WHERE assigned_at::DATE > ?", [as_of])
        connection.execute("DELETE FROM marts.customer_features WHERE as_of_date > ?", [as_of])
        connection.execute("DELETE FROM marts.fct_survey_answers WHERE responded_at::DATE > ?", [as_of])
    measure(home, as_of)
    assert [file.read_bytes() for file in files] == first


def test_what_was_cancelled_after_the_window_still_counts(tmp_path):
    home = publish_campaigns(Home(tmp_path), [Campaign("strong", "discount", SPRING, 2000, 0.2)])
    measure(home, AS_OF)
    before = row(home, "strong", "discount")["effect"]
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("UPDATE marts.fct_bookings SET cancelled_at = TIMESTAMP '2025-06-01'")
    measure(home, AS_OF)
    assert row(home, "strong", "discount")["effect"] == before
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("UPDATE marts.fct_bookings SET cancelled_at = TIMESTAMP '2025-05-01'")
    measure(home, AS_OF)
    assert row(home, "strong", "discount")["mean_control"] == 0


def test_our_own_rounds_count_once_and_only_if_something_was_sent(tmp_path):
    home = publish_campaigns(Home(tmp_path), [Campaign("spring", "discount", SPRING, 1000, 0.2)])
    delivered = duckdb.connect(str(home.current_db)).sql("FROM marts.fct_campaign_touches").df()
    rounds = pd.DataFrame(
        {
            "intervention_id": [f"i{n}" for n in range(3 * len(delivered))],
            "customer_id": list(delivered["customer_id"]) * 3,
            "campaign_id": ["spring"] * len(delivered)
            + ["own"] * len(delivered)
            + ["waiting"] * len(delivered),
            "action": "discount",
            "arm": list(delivered["arm"]) * 3,
            "cost": 7.0,
            "decided_at": pd.Timestamp(2025, 2, 4),
        }
    )
    rounds["status"] = np.where(rounds["arm"] == "control", "held_out", "sent")
    rounds.loc[rounds["campaign_id"] == "waiting", "status"] = "proposed"
    (home.products_dir / "interventions").mkdir(parents=True)
    rounds.to_parquet(home.products_dir / "interventions" / "2025-06-01.parquet")
    rounds.assign(campaign_id="later").to_parquet(home.products_dir / "interventions" / "2025-07-01.parquet")
    assert measure(home, AS_OF)["assignments"] == 2000
    assert set(effects(home)["campaign_id"]) == {"all", "rounds", "spring", "own"}
    # What the company delivers back of a round is still ours.
    assert row(home, "rounds")["n_treatment"] == 2 * row(home, "own", "discount")["n_treatment"]
    own = row(home, "own", "discount", outcome="margin")
    assert own["cost"] == pytest.approx(7.0 * own["n_treatment"])


def test_a_customer_in_both_arms_is_left_out(tmp_path):
    home = publish_campaigns(Home(tmp_path), [Campaign("spring", "discount", SPRING, 1000, 0.2)])
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute(
            """INSERT INTO marts.fct_campaign_touches
               WITH two AS (FROM marts.fct_campaign_touches ORDER BY touch_id LIMIT 2)
               SELECT * REPLACE (touch_id || ' again' AS touch_id,
                   CASE WHEN touch_id = (SELECT min(touch_id) FROM two) THEN arm
                       WHEN arm = 'control' THEN 'treatment' ELSE 'control' END AS arm) FROM two"""
        )
    summary = measure(home, AS_OF)
    assert summary["assignments"] == 999
    assert any("both arms" in words for words in summary["messages"])


def test_a_share_that_no_other_campaign_has_is_a_mismatch_and_our_own_rounds_say_theirs(tmp_path):
    usual = [Campaign(f"k{n}", "content", SPRING, 600, control_share=0.2) for n in range(6)]
    odd = Campaign("odd", "content", SPRING, 600, control_share=0.4)
    home = publish_campaigns(Home(tmp_path), [*usual, odd])
    delivered = duckdb.connect(str(home.current_db)).sql("FROM marts.fct_campaign_touches").df()
    own = delivered[delivered["campaign_id"] == "odd"][["customer_id", "action", "arm"]].assign(
        campaign_id="explored", decided_at=pd.Timestamp(2025, 2, 4), control_share=0.4, cost=1.0
    )
    own["status"] = np.where(own["arm"] == "control", "held_out", "sent")
    lost = own.assign(campaign_id="lost", control_share=0.2)
    (home.products_dir / "interventions").mkdir(parents=True)
    pd.concat([own, lost]).to_parquet(home.products_dir / "interventions" / "2025-06-01.parquet")
    measure(home, AS_OF)
    table = checks(home)
    ratio = table[table["check"] == "sample_ratio"].set_index("campaign_id")["passed"]
    assert not ratio["odd"]
    assert not ratio["lost"]
    assert ratio[["k0", "k1", "k2", "k3", "k4", "k5", "explored"]].all()
    assert not row(home, "odd", "content")["is_randomised_plausible"]
