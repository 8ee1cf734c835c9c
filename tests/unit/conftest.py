"""One small simulated company for all unit tests that look at what is delivered."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from roundtrip.simulate import live_on, simulate
from tests.refused_fixture import refused as refused
from tests.refused_fixture import refused_once as refused_once
from tests.simulated_fixture import EVENTFUL, as_meant


@dataclass(frozen=True)
class SimulatedCompany:
    """Folders of one company: `history` as simulated, `landing` after three months more.

    `orders` is what was done in the first of these, as in the interventions file.
    """

    config: Path
    history: Path
    landing: Path
    interventions: Path
    orders: pd.DataFrame


@pytest.fixture(scope="session")
def simulated_company(tmp_path_factory) -> SimulatedCompany:
    """300 customers, eighteen months to the end of 2025, and January to March 2026 one by one."""
    folder = tmp_path_factory.mktemp("simulated_company")
    (folder / "config.yml").write_text(EVENTFUL, encoding="utf-8")
    simulate(folder / "history", customers=300, months=18, seed=7, config=folder / "config.yml")
    shutil.copytree(folder / "history", folder / "landing")
    orders = some_orders(folder / "history")
    orders.to_csv(folder / "orders.csv", index=False)
    live_on(folder / "landing", 1, folder / "orders.csv")
    live_on(folder / "landing", 1)
    live_on(folder / "landing", 1)
    return SimulatedCompany(
        folder / "config.yml", folder / "history", folder / "landing", folder / "orders.csv", orders
    )


@pytest.fixture(scope="session")
def meant(simulated_company):
    """The company's rows as they were meant, after all months: see simulated_fixture.as_meant."""
    with as_meant(simulated_company.landing) as connection:
        yield connection


def some_orders(landing: Path) -> pd.DataFrame:
    """Two campaigns for a third of all customers, some in both arms' campaigns, some with two accounts."""
    truth = landing / "truth"
    state = pd.read_parquet(truth / "customers.parquet").set_index("customer_id")["state"]
    accounts = pd.read_parquet(truth / "accounts.parquet").sort_values("customer_id")
    accounts = accounts[(accounts["person"].map(state) != "erased").to_numpy()]
    both = accounts[accounts["person"].duplicated(keep=False)]["customer_id"].tolist()
    chosen = sorted({*both[:20], *accounts["customer_id"].iloc[::4]})
    discounts = pd.DataFrame({"customer_id": chosen, "action": "discount", "channel": "sms"})
    discounts["arm"] = ["control" if n % 3 == 0 else "treatment" for n in range(len(chosen))]
    calls = pd.DataFrame({"customer_id": chosen[::5], "action": "care_call", "campaign_id": "CALLS"})
    return pd.concat([discounts, calls.assign(arm="treatment")], ignore_index=True)
