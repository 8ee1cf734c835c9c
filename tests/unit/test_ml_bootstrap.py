"""Many draws at once give what one draw after the other gives, row by row."""

import numpy as np
import pandas as pd
import pytest

from ml.bootstrap import Sums, blocks_of_draws, customer_draws, numbered, ranked_levels, with_interval
from ml.evaluate import METRICS, Scored, all_metrics
from ml.profit import Costs
from ml.settings import parameters

RULES = parameters()


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities with ties, labels that follow them, and customers with one to five rows each."""
    random = np.random.default_rng(2)
    customer = np.repeat(np.arange(900), random.integers(1, 6, 900))
    probability = random.random(len(customer)).round(3)
    label = (random.random(len(customer)) < 0.2 + 0.6 * probability).astype(float)
    return probability, label, customer


def test_every_metric_of_a_draw_is_that_of_its_weighted_rows(rows):
    probability, label, customer = rows
    scored, bins = Scored(probability, label), RULES["evaluation"]["calibration_bins"]
    code, customers = numbered(customer)
    sums = Sums(probability, label, code, customers, scored.bin_of(bins), bins)
    (times,) = blocks_of_draws(customers, 5, seed=3)
    drawn = sums.drawn(times, RULES["evaluation"]["top_share"], Costs.of(RULES))
    for place, weight in enumerate(customer_draws(customer, 5, seed=3)):
        exact = all_metrics(scored, weight, RULES)
        for metric in METRICS:
            # Levels and quadrature are coarser than rows and closed form; a lift depends on one level's edge.
            coarse = 1e-2 if metric == "top_decile_lift" else 2e-3
            assert drawn[metric][place] == pytest.approx(exact[metric], rel=coarse), metric
        assert sums.drawn_auc(times)[place] == pytest.approx(exact["roc_auc"], abs=1e-4)


def test_a_draw_with_one_outcome_only_is_not_a_number():
    label = np.array([1.0, 0.0])
    sums = Sums(np.array([0.8, 0.2]), label, np.array([0, 1]), 2, np.array([0, 0]), 1)
    drawn = sums.drawn(np.array([[2.0, 0.0], [1.0, 1.0]]), 0.5, Costs.of(RULES))
    assert np.isnan(drawn["roc_auc"]).tolist() == [True, False]
    assert with_interval(1.0, drawn["roc_auc"]) == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_rows_of_one_probability_share_a_level():
    level, count = ranked_levels(np.array([0.1, 0.9, 0.9, 0.5, 0.1, 0.1]), most=3)
    table = pd.DataFrame({"probability": [0.1, 0.9, 0.9, 0.5, 0.1, 0.1], "level": level})
    assert table.groupby("probability")["level"].nunique().max() == 1
    assert level[1] == 0
    assert level.max() == count - 1


def test_draws_come_in_blocks_and_each_draws_as_many_customers_as_there_are():
    blocks = list(blocks_of_draws(7, 120, seed=1))
    assert sum(len(block) for block in blocks) == 120
    assert all((block.sum(axis=1) == 7).all() for block in blocks)


def test_an_interval_without_draws_says_so():
    assert np.isnan(with_interval(0.5, [])["low"])
