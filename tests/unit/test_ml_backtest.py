"""Models of the past know nothing of what came after them, and a short history has none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.backtest import backtest, labelled_months
from ml.decay import measure_decay
from ml.early_warning import measure_early_warning
from ml.frame import Frame, read_frame
from ml.settings import parameters
from roundtrip.home import Home
from tests.published_fixture import change_published, publish_made_up


@pytest.fixture(scope="module")
def quick() -> dict:
    chosen = parameters()
    chosen["evaluation"]["group_replicates"] = 20
    chosen["evaluation"]["early_warning"]["min_losses"] = 10
    return chosen


@pytest.fixture(scope="module")
def published(tmp_path_factory, quick) -> tuple[Home, Frame]:
    """Forty months, with the losses that the lifecycle stages of the features tell of."""
    home = Home(tmp_path_factory.mktemp("backtest") / "home")
    as_of = publish_made_up(home, customers=900, months=42)
    change_published(
        home,
        """CREATE TABLE marts.fct_churn AS SELECT customer_id, as_of_date AS churned_on, 'severe' AS severity
           FROM (SELECT *, lag(lifecycle_stage) OVER (PARTITION BY customer_id ORDER BY as_of_date) AS before
                 FROM marts.customer_features WHERE is_month_end)
           WHERE lifecycle_stage = 'lost' AND before <> 'lost'""",
    )
    return home, read_frame(home, as_of, quick)


@pytest.fixture(scope="module")
def past(published, quick):
    return backtest(published[1], "logistic", quick)


def test_no_month_is_scored_by_a_model_that_knew_more(published, quick, past):
    _, frame = published
    assert len(past.origins) > 1
    assert past.rows["as_of_date"].min() == past.origins[0]
    last = past.origins[-1]
    # What became of rows that were still open at the last origin does not matter to any model.
    rows = frame.rows.copy()
    is_open = rows["horizon_ends_on"] > last
    rows.loc[is_open, "label"] = 1 - rows.loc[is_open, "label"]
    again = backtest(replace(frame, rows=rows), "logistic", quick)
    np.testing.assert_array_equal(again.newest, past.newest)
    np.testing.assert_array_equal(again.oldest, past.oldest)
    # What was known does.
    rows = frame.rows.copy()
    rows.loc[~is_open, "label"] = 1 - rows.loc[~is_open, "label"]
    assert not np.array_equal(backtest(replace(frame, rows=rows), "logistic", quick).newest, past.newest)


def test_the_newest_model_is_the_oldest_until_it_is_replaced(past):
    before = (past.rows["as_of_date"] < past.origins[1]).to_numpy()
    # The size of a batch may change the last digit of a sum.
    np.testing.assert_allclose(past.newest[before], past.oldest[before], rtol=1e-12)
    assert not np.array_equal(past.newest[~before], past.oldest[~before])


def test_lead_days_are_measured_on_the_published_losses(published, quick, past):
    home, _ = published
    found = measure_early_warning(home, past, quick)
    assert found["status"] == "measured"
    assert found["lookback_months"] >= quick["evaluation"]["early_warning"]["min_lookback_months"]
    for name, ranking in found["rankings"].items():
        assert ranking["false_alarm_share"] <= 0.05, name
        lead = ranking["mean_lead_days"]
        assert lead["low"] <= lead["high"]
        assert ranking["useful_share"]["value"] <= ranking["warned_share"]["value"] <= 1
    best = found["rankings"][found["best_rule"]]["mean_lead_days"]["value"]
    rules = {name for name in found["rankings"] if name != "model"}
    assert best == max(found["rankings"][name]["mean_lead_days"]["value"] for name in rules)
    gap = found["rankings"]["model"]["mean_lead_days"]["value"] - best
    assert found["difference"]["value"] == pytest.approx(gap)
    shares = [point["model"] for point in found["curve"]]
    assert shares == sorted(shares, reverse=True)


def test_decay_tells_each_month_and_the_age_of_the_model(quick, past):
    found = measure_decay(past, quick)
    ages = [month["age_months"] for month in found["months"]]
    assert ages == list(range(len(ages)))
    assert found["origin"] == f"{past.origins[0]:%Y-%m-%d}"
    assert found["worth_of_refitting"]["low"] <= found["worth_of_refitting"]["high"]


def test_what_is_missing_is_said(published, quick, past, tmp_path):
    home, frame = published
    short = replace(frame, months=frame.months.iloc[:6])
    assert backtest(short, "logistic", quick) is None
    assert measure_decay(None, quick) == {"status": "not_measured", "why": "short_history"}
    assert measure_early_warning(home, None, quick)["why"] == "short_history"
    few = parameters()
    few["evaluation"]["early_warning"]["min_losses"] = 10_000
    assert measure_early_warning(home, past, few)["why"] == "few_losses"
    other = Home(tmp_path / "home")
    publish_made_up(other, customers=5, months=3)
    assert measure_early_warning(other, past, quick)["why"] == "no_loss_table"
    without = replace(past, rows=past.rows.drop(columns="days_since_last_booking"))
    assert measure_early_warning(home, without, quick)["why"] == "no_rhythm"


def test_only_months_whose_outcomes_are_nearly_all_known_count(published, quick):
    _, frame = published
    months = labelled_months(frame, quick)
    share = frame.months.set_index("as_of_date").eval("labelled / candidates")
    assert (share.loc[months] >= quick["split"]["min_labelled_share"]).all()
    assert pd.Timestamp(frame.months["as_of_date"].max()) not in months
