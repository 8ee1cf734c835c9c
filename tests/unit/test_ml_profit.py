"""Expected maximum profit by hand, and a company's own costs."""

import json

import numpy as np
import pytest

from ml.bootstrap import Sums, numbered
from ml.profit import Costs, expected_max_profit, with_company_costs
from ml.settings import parameters
from roundtrip.company import KNOWN_SETTINGS
from roundtrip.errors import BadInput
from roundtrip.home import Home

LABEL = np.array([1.0] * 4 + [0.0] * 6)


def home_with(tmp_path, costs) -> Home:
    home = Home(tmp_path)
    settings = {} if costs is None else {"retention_costs": costs}
    home.company_file.write_text(json.dumps({"name": "x", "landing": str(tmp_path), "settings": settings}))
    return home


def test_a_perfect_ranking_calls_the_churners_only():
    costs = Costs.of(parameters())
    # Four of ten churn; three of ten who are called stay, for an offer of 5 %, each call costs 0.5 %.
    by_hand = 0.4 * (0.3 * (1 - 0.05) - 0.005)
    assert expected_max_profit(LABEL, LABEL, costs) == pytest.approx(by_hand, rel=1e-3)


def test_without_a_ranking_all_are_called_or_nobody():
    costs = Costs.of(parameters())
    by_hand = 0.4 * (0.3 * 0.95 - 0.005) - 0.6 * 0.055
    assert expected_max_profit(np.full(10, 0.5), LABEL, costs) == pytest.approx(by_hand, rel=5e-3)
    dear = Costs(0.9, 0.2, 6, 14)
    assert expected_max_profit(np.full(10, 0.5), LABEL, dear) == 0.0


def test_the_draws_agree_with_empulse_on_costs_of_all_sizes():
    random = np.random.default_rng(8)
    label = random.integers(0, 2, 4000).astype(float)
    probability = np.clip(0.2 * label + 0.8 * random.random(4000), 0, 1)
    code, customers = numbered(np.arange(4000))
    sums = Sums(probability, label, code, customers, np.zeros(4000, dtype=int), 1)
    for costs in (Costs(0.05, 0.005, 6, 14), Costs(0.3, 0.05, 2, 3), Costs(0.01, 0.001, 1, 9)):
        drawn = sums.drawn(np.ones((1, 4000)), 0.1, costs)["expected_max_profit"][0]
        assert drawn == pytest.approx(expected_max_profit(probability, label, costs), rel=3e-3)


def test_a_companys_own_costs_take_the_place_of_the_defaults(tmp_path):
    own = {"customer_value": 400, "offer_cost": 40, "accepted_share": 0.5}
    chosen = with_company_costs(parameters(), home_with(tmp_path, own))
    costs = Costs.of(chosen)
    assert (costs.offer, costs.contact, costs.customer_value) == (0.1, 0.005, 400)
    assert costs.alpha == costs.beta == 10
    assert "customer_value" not in parameters()["evaluation"]["profit"]


def test_without_own_costs_nothing_changes(tmp_path):
    assert with_company_costs(parameters(), home_with(tmp_path, None)) == parameters()
    assert with_company_costs(parameters(), Home(tmp_path / "empty")) == parameters()
    assert "retention_costs" in KNOWN_SETTINGS


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ({"offer": 3}, "retention_costs"),
        ([1, 2], "retention_costs"),
        ({"customer_value": -1}, "customer_value is -1"),
        ({"customer_value": True}, "customer_value is True"),
        ({"accepted_share": 1.2}, "accepted_share is 1.2"),
        ({"offer_cost": 10}, "no customer_value"),
        ({"customer_value": "many"}, "customer_value is 'many'"),
    ],
)
def test_costs_that_cannot_be_are_refused_by_name(tmp_path, costs, told):
    with pytest.raises(BadInput, match=told):
        with_company_costs(parameters(), home_with(tmp_path, costs))
