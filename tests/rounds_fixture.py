"""A published warehouse of made-up customers with what rounds are planned from, a vault with their names, and
products of other stages; no dbt, no model."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.vault import Identities, encrypted

AS_OF = date(2025, 6, 30)
PLAIN = {"discount": 20.0, "points_bonus": 12.0, "upgrade": -5.0, "care_call": 30.0, "content": 1.0}


@dataclass
class Scene:
    """
    Attributes:
        value: action -> mean effect on value; an action that is not named has no row, so no evidence.
        value_se: its standard error, the same for all.
        withdrawn: shares of customers who withdrew consent, by purpose; None: the company has no consents.
        retention: the setting of company.yml.
        warned: share of customers with an open warning.
        touched: share of customers with a campaign touch ten days ago.
        currency: of the company; the shipped strategies' costs are in CNY.
    """

    customers: int = 400
    value: dict[str, float] = field(default_factory=lambda: dict(PLAIN))
    value_se: float = 5.0
    evidence: str = "randomised"
    withdrawn: dict[str, float] | None = field(default_factory=lambda: {"email": 0.3, "phone": 0.4})
    retention: dict = field(default_factory=lambda: {"budget_per_round": 1500})
    warned: float = 0.2
    touched: float = 0.0
    unit_cost: float | None = None
    currency: str = "CNY"
    seed: int = 1


def arrange(home: Home, scene: Scene, as_of: date = AS_OF) -> pd.DataFrame:
    """Write the home as the stages before would leave it; returns the customers."""
    random = np.random.default_rng(scene.seed)
    people = _people(scene, random)
    settings = {"reporting_currency": scene.currency}
    if scene.retention is not None:
        settings["retention"] = scene.retention
    company = Company("made up", str(home.root / "landing"), None, settings)
    home.root.mkdir(parents=True, exist_ok=True)
    home.company_file.write_text(json.dumps(asdict(company)), encoding="utf-8")
    publish(home, scene, people, random, as_of)
    _products(home, scene, people, random, as_of)
    _vault(home, people)
    return people


def publish(home: Home, scene: Scene, people: pd.DataFrame, random, as_of: date) -> None:
    """Write the published warehouse of a date."""
    home.published_dir.mkdir(parents=True, exist_ok=True)
    home.current_db.unlink(missing_ok=True)
    withdrawn = scene.withdrawn or {}
    consents = pd.concat(
        [
            pd.DataFrame({"customer_id": people["customer_id"], "purpose": purpose})
            .assign(is_granted=lambda rows, share=share: random.random(len(rows)) >= share)
            .astype({"customer_id": object, "purpose": object})
            for purpose, share in (withdrawn or {"none": 0.0}).items()
        ]
    )
    bookings = people[["customer_id"]].assign(
        booking_id="b-" + people["customer_id"],
        booked_at=pd.Timestamp(as_of) - pd.to_timedelta(random.integers(5, 300, len(people)), "D"),
    )
    touched = people[random.random(len(people)) < scene.touched]
    with duckdb.connect(str(home.current_db)) as connection:
        connection.register("people", people)
        connection.register("consents", consents.head(0) if scene.withdrawn is None else consents)
        connection.register("bookings", bookings)
        connection.register("touched", touched)
        cost = "NULL" if scene.unit_cost is None else scene.unit_cost
        connection.execute(_MARTS.format(day=as_of, cost=cost, currency=scene.currency))


_MARTS = """
    CREATE SCHEMA marts;
    CREATE TABLE marts.warehouse_info AS
        SELECT DATE '{day}' AS as_of_date, '{currency}' AS reporting_currency;
    CREATE TABLE marts.dim_customers AS
        SELECT customer_id, registered_on::TIMESTAMP AS registered_at, language, lifecycle_stage,
            activity_status, value_tier, need_segment, is_high_volume, may_be_profiled FROM people;
    CREATE TABLE marts.customer_features AS
        SELECT customer_id, DATE '{day}' AS as_of_date, days_since_last_complaint,
            40 AS days_since_last_booking, 0 AS unresolved_complaints, is_loyalty_member, has_unsubscribed,
            value_12m FROM people;
    CREATE TABLE marts.fct_customer_months AS
        SELECT customer_id, day AS as_of_date, lifecycle_stage, churn_cause
        FROM people, unnest([DATE '{day}', last_day(DATE '{day}' - INTERVAL 5 MONTH)]) AS t (day);
    CREATE TABLE marts.customer_scores AS
        SELECT customer_id, DATE '{day}' AS as_of_date, churn_probability,
            CASE WHEN churn_probability > 0.5 THEN 'high' ELSE 'low' END AS risk_band FROM people;
    CREATE TABLE marts.customer_consents AS SELECT * FROM consents;
    CREATE TABLE marts.customer_identities AS SELECT '' AS account_id, '' AS customer_id WHERE false;
    CREATE TABLE marts.fct_bookings AS
        SELECT booking_id, customer_id, booked_at, NULL::TIMESTAMP AS cancelled_at FROM bookings;
    CREATE TABLE marts.fct_campaign_touches AS
        SELECT customer_id, 'spring' AS campaign_id, 'discount' AS action, 'treatment' AS arm,
            TIMESTAMP '{day}' - INTERVAL 10 DAY AS assigned_at, {cost}::DOUBLE AS unit_cost FROM touched;
"""


def _people(scene: Scene, random) -> pd.DataFrame:
    count = scene.customers
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:06d}" for i in range(count)],
            "registered_on": pd.Timestamp("2023-03-15"),
            "language": random.choice(["zh-CN", "en", "de"], count),
            "lifecycle_stage": random.choice(["maturity", "growth", "decline", "lost", "prospect"], count),
            "activity_status": "active",
            "value_tier": random.choice(["high", "ordinary", "low"], count),
            "need_segment": random.choice(["loyal", "price_sensitive", "basic"], count),
            "is_high_volume": random.random(count) < 0.02,
            "may_be_profiled": random.random(count) >= 0.05,
            "days_since_last_complaint": np.where(random.random(count) < 0.1, 20, 400),
            "is_loyalty_member": random.random(count) < 0.5,
            "has_unsubscribed": random.random(count) < 0.1,
            "value_12m": random.gamma(2, 300, count),
            "churn_cause": random.choice(["price", "service_quality", "unknown"], count),
            "churn_probability": random.random(count),
        }
    )


def _products(home: Home, scene: Scene, people: pd.DataFrame, random, as_of: date) -> None:
    known = people[people["lifecycle_stage"] != "prospect"]
    if scene.value:
        uplifts = known[["customer_id"]].merge(
            pd.DataFrame({"action": list(scene.value), "mean": list(scene.value.values())}), how="cross"
        )
        uplifts = uplifts.assign(
            effect_on_return=0.02,
            effect_on_return_se=0.01,
            effect_on_value=uplifts["mean"] + random.normal(0, 8, len(uplifts)),
            effect_on_value_se=scene.value_se,
            evidence=scene.evidence,
        )
        _write(uplifts.drop(columns="mean"), home, "action_uplifts", as_of)
    warned = known[random.random(len(known)) < scene.warned]
    warnings = pd.DataFrame(
        {
            "warning_id": "w-" + warned["customer_id"],
            "customer_id": warned["customer_id"],
            "cause": warned["churn_cause"],
            "status": "open",
            "due_on": as_of,
            "severity": 2,
            "value_at_risk": 100.0,
        }
    )
    _write(warnings, home, "warnings", as_of)


def _write(rows: pd.DataFrame, home: Home, table: str, as_of: date) -> None:
    file = home.products_dir / table / f"{as_of}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(file, index=False)


def _vault(home: Home, people: pd.DataFrame) -> None:
    """Raw with pseudonyms, and what they stand for; one in ten has left no e-mail address."""
    people = people.assign(number=range(len(people)))
    rows = pd.DataFrame(
        {
            "customer_id": people["customer_id"],
            "email": ("pe-" + people["customer_id"]).where(people["number"] % 10 > 0),
            "phone": "pp-" + people["customer_id"],
            "full_name": "pn-" + people["customer_id"],
        }
    )
    home.raw_db.parent.mkdir(parents=True, exist_ok=True)
    home.raw_db.unlink(missing_ok=True)
    with duckdb.connect(str(home.raw_db)) as connection:
        connection.register("rows", rows)
        connection.execute("CREATE SCHEMA raw.raw; CREATE TABLE raw.raw.customers AS FROM rows")
    plain = {"email": "{}@example.com", "phone": "+49 30 {}", "full_name": "Name {}"}
    identities = pd.concat(
        [
            pd.DataFrame(
                {
                    "table_name": "customers",
                    "row_key": rows["customer_id"],
                    "customer_id": rows["customer_id"],
                    "column_name": column,
                    "pseudonym": rows[column],
                    "value": [form.format(customer) for customer in rows["customer_id"]],
                }
            ).dropna()
            for column, form in plain.items()
        ]
    )
    home.vault_db.unlink(missing_ok=True)
    bench = encrypted.workbench(home)
    encrypted.attach(bench, home.vault_db, "vault", key=Identities.of(home).key)
    bench.register("identities", identities)
    bench.execute("CREATE TABLE vault.identities AS FROM identities")
    bench.close()


def plan_of(home: Home, round_id: str = f"R-{AS_OF}") -> pd.DataFrame:
    return pd.read_parquet(home.rounds_dir / round_id / "plan.parquet")


def told_of(home: Home, round_id: str = f"R-{AS_OF}") -> dict:
    return json.loads((home.rounds_dir / round_id / "plan.json").read_text(encoding="utf-8"))


def interventions(home: Home, day: date = AS_OF) -> pd.DataFrame:
    return pd.read_parquet(home.products_dir / "interventions" / f"{day}.parquet")
