"""Two lives of one company: what really changed because of what was done.

Both were lived with the same dice, so the difference is the effect, person by person.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from roundtrip.simulate.write import open_connection

#: Of the people who were customers at the start: active, or fading without having said so.
_CUSTOMERS = "('active', 'fading')"


@dataclass(frozen=True)
class Life:
    """One life of the people who were customers at the start, over the months since.

    Attributes:
        customers: people active or fading at the start.  gone: of them, gone at the end.
        satisfaction: mean of those not gone at the end (0 to 1).
        revenue, margin: of all bookings made since and not cancelled, in the company's currency.
    """

    customers: int
    gone: int
    satisfaction: float
    revenue: float
    margin: float

    @property
    def churn_rate(self) -> float:
        return self.gone / self.customers if self.customers else float("nan")


@dataclass(frozen=True)
class Lives:
    """The same people in both lives: untouched, and with the plan."""

    untouched: Life
    with_plan: Life


@dataclass(frozen=True)
class Comparison:
    """
    Attributes:
        everybody, treated: all people, and those who were treated at least once.
        by_action: who was treated with it at least once, the action with most people first; somebody who had
            two actions is in both.
    """

    everybody: Lives
    treated: Lives
    by_action: dict[str, Lives]


def compare(landing: Path, untouched: Path, began_on: date) -> Comparison:
    """Compare a company that lived on with interventions with itself without.

    Args:
        landing, untouched: simulated companies that have lived the same months since `began_on`.
    """
    with open_connection() as connection:
        for name, folder in (("lived", landing), ("untouched", untouched)):
            _read(connection, name, folder, began_on)
        treated = "SELECT customer_id FROM lived_touches WHERE arm = 'treatment'"
        actions = connection.execute(
            "SELECT action FROM lived_touches WHERE arm = 'treatment' GROUP BY 1 "
            "ORDER BY count(DISTINCT customer_id) DESC, action"
        ).fetchall()
        return Comparison(
            _lives(connection, "SELECT person FROM lived_accounts"),
            _lives(connection, treated),
            {action: _lives(connection, f"{treated} AND action = '{action}'") for (action,) in actions},
        )


def _lives(connection, people: str) -> Lives:
    return Lives(_life(connection, "untouched", people), _life(connection, "lived", people))


def _read(connection, name: str, folder: Path, began_on: date) -> None:
    first_month, last = f"{began_on:%Y-%m}", f"{began_on:%Y-%m}"
    secrets = folder / "truth"
    connection.execute(
        f"CREATE TABLE {name}_accounts AS SELECT * FROM read_parquet('{secrets}/accounts.parquet')"
    )
    connection.execute(
        f"CREATE TABLE {name}_start AS SELECT customer_id FROM "
        f"read_parquet('{secrets}/customer_months/{first_month}.parquet') WHERE state IN {_CUSTOMERS}"
    )
    connection.execute(
        f"CREATE TABLE {name}_end AS SELECT customer_id, state, satisfaction FROM "
        f"read_parquet('{secrets}/customers.parquet')"
    )
    touches = sorted(file for file in (secrets / "touch_effects").glob("*.parquet") if file.stem > last)
    listed = ", ".join(f"'{file}'" for file in touches)
    connection.execute(
        f"CREATE TABLE {name}_touches AS SELECT customer_id, action, arm FROM read_parquet([{listed}])"
        if touches
        else f"CREATE TABLE {name}_touches (customer_id VARCHAR, action VARCHAR, arm VARCHAR)"
    )
    rates = yaml.safe_load((folder / "company.yml").read_text(encoding="utf-8"))
    connection.execute(f"CREATE TABLE {name}_rates (currency VARCHAR, rate DOUBLE)")
    connection.executemany(
        f"INSERT INTO {name}_rates VALUES (?, ?)",
        [(rates["reporting_currency"], 1.0)]
        + [(rate["currency"], float(rate["rate"])) for rate in rates["exchange_rates"]],
    )
    files = [file for file in (folder / "bookings").glob("*.csv") if file.stem[-len("2025-01") :] > last]
    listed = ", ".join(f"'{file}'" for file in sorted(files))
    # Planted defects stand in these files: a row that cannot be read is no booking; the last version counts.
    connection.execute(
        f"""CREATE TABLE {name}_bookings AS
            SELECT accounts.person, newest.status,
                   (newest.gross - coalesce(newest.discount, 0)) * rates.rate AS revenue,
                   newest.margin * rates.rate AS margin
            FROM (
                SELECT booking_id, any_value(customer_id) AS customer_id,
                       arg_max(status, updated_at) AS status, arg_max(currency, updated_at) AS currency,
                       arg_max(TRY_CAST(gross_amount AS DOUBLE), updated_at) AS gross,
                       arg_max(TRY_CAST(discount_amount AS DOUBLE), updated_at) AS discount,
                       arg_max(TRY_CAST(margin_amount AS DOUBLE), updated_at) AS margin
                FROM read_csv([{listed}], all_varchar = true, union_by_name = true, ignore_errors = true)
                WHERE TRY_CAST(booked_at AS TIMESTAMP) >= DATE '{began_on}' + 1
                GROUP BY booking_id
            ) AS newest
            JOIN {name}_accounts AS accounts ON accounts.customer_id = newest.customer_id
            JOIN {name}_rates AS rates ON rates.currency = newest.currency
            WHERE newest.status NOT LIKE 'cancelled%'"""
    )


def _life(connection, name: str, people: str) -> Life:
    customers, gone, satisfaction = connection.execute(
        f"""SELECT count(*), count(*) FILTER (ending.state = 'gone'),
                   avg(ending.satisfaction) FILTER (ending.state IN {_CUSTOMERS})
            FROM untouched_start AS started
            JOIN {name}_end AS ending ON ending.customer_id = started.customer_id
            WHERE started.customer_id IN ({people})"""
    ).fetchone()
    revenue, margin = connection.execute(
        f"SELECT coalesce(sum(revenue), 0), coalesce(sum(margin), 0) FROM {name}_bookings "
        f"WHERE person IN ({people})"
    ).fetchone()
    return Life(customers, gone, satisfaction or float("nan"), float(revenue), float(margin))
