"""Expected maximum profit: what a retention campaign would earn that calls the best share of a ranking.

Verbraken, Verbeke and Baesens (2013), by empulse: everyone above a threshold is contacted with an offer, a
churner who is contacted accepts with a probability that is itself uncertain (a Beta distribution) and then
stays, a loyal customer takes the offer as a gift. The threshold is the most profitable one; not to contact
anybody earns 0.
"""

from dataclasses import dataclass

import numpy as np

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home

#: In company.yml, under `retention_costs`; money in the reporting currency.
SETTINGS = ("customer_value", "offer_cost", "contact_cost", "accepted_share")


@dataclass(frozen=True)
class Costs:
    """Costs as shares of what an average customer is worth, so that companies without prices have them, too.

    Attributes:
        offer, contact: of one accepted offer and of one contact, as shares of a customer's value.
        alpha, beta: of the Beta distribution of the probability that a churner accepts.
        customer_value: in the reporting currency, None where the company did not say.
    """

    offer: float
    contact: float
    alpha: float
    beta: float
    customer_value: float | None = None

    @classmethod
    def of(cls, parameters: dict) -> "Costs":
        """The costs of `evaluation.profit` (with_company_costs puts a company's own there)."""
        rules = parameters["evaluation"]["profit"]
        value = rules.get("customer_value")
        offer, contact = rules["offer_share"], rules["contact_share"]
        if value is not None:
            offer = rules.get("offer_cost", offer * value) / value
            contact = rules.get("contact_cost", contact * value) / value
        accepted, strength = rules["accepted_share"], rules["accepted_strength"]
        return cls(offer, contact, accepted * strength, (1 - accepted) * strength, value)


def with_company_costs(parameters: dict, home: Home) -> dict:
    """The parameters with this company's `retention_costs` in place of the defaults; changes nothing given.

    Raises:
        BadInput: an unknown key, no positive number, a share above 1, or costs without the value that they
            are compared with.
    """
    if not home.company_file.exists():
        return parameters
    own = Company.load(home).settings.get("retention_costs")
    if own is None:
        return parameters
    _check(own)
    evaluation = parameters["evaluation"]
    return {**parameters, "evaluation": {**evaluation, "profit": {**evaluation["profit"], **own}}}


def _check(own) -> None:
    known = f"retention_costs may hold {', '.join(SETTINGS)}; money is in the reporting currency"
    if not isinstance(own, dict) or set(own) - set(SETTINGS):
        raise BadInput(f"company.yml: retention_costs is {own!r}", known)
    for name, value in own.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
        if not is_number or value <= 0 or (name == "accepted_share" and value >= 1):
            raise BadInput(
                f"company.yml: retention_costs.{name} is {value!r}",
                "give a share between 0 and 1" if name == "accepted_share" else "give an amount above 0",
            )
    if {"offer_cost", "contact_cost"} & set(own) and "customer_value" not in own:
        raise BadInput(
            "company.yml: retention_costs has costs, but no customer_value to compare them with",
            "add customer_value, the net value of a customer who stays",
        )


def expected_max_profit(probability: np.ndarray, label: np.ndarray, costs: Costs) -> float:
    """Per customer, as a share of an average customer's value; never below 0.

    Args:
        probability, label: shape (n,), labels 0/1 with both present.
    """
    from empulse.metrics import empc_score

    found = empc_score(
        label,
        probability,
        alpha=costs.alpha,
        beta=costs.beta,
        clv=1.0,
        incentive_cost=costs.offer,
        contact_cost=costs.contact,
        validate=False,
    )
    return max(0.0, float(found))
