"""Whatever the rules and whoever the customer: exactly one need segment, the first whose conditions all
hold.
"""

import ast
import re
from datetime import date, timedelta

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from roundtrip.home import PROJECT_ROOT

DBT = PROJECT_ROOT / "dbt_project"
MACROS = (DBT / "macros" / "needs.sql").read_text(encoding="utf-8")
MODEL = (DBT / "models" / "intermediate" / "int_need_segments.sql").read_text(encoding="utf-8")
END_OF_TIME = date(9999, 12, 31)


def returned(macro: str) -> list[str]:
    """The list that a macro of needs.sql returns."""
    (text,) = re.findall(rf"macro {macro}\(\).*?return\((\[.*?\])\)", MACROS, flags=re.DOTALL)
    return ast.literal_eval(text)


SEGMENTS, MEASURES = returned("need_segments"), returned("need_measures")


def compiled() -> str:
    """The model as dbt would compile a full build of it for DuckDB."""
    (fits_need,) = re.findall(r"{% macro fits_need.*?endmacro %}", MACROS, flags=re.DOTALL)
    names = {
        "need_segments": lambda: SEGMENTS,
        "need_measures": lambda: MEASURES,
        "config": lambda **_: "",
        "ref": lambda name: name,
        "due_rows": lambda name: name,
        "end_of_time": lambda: f"cast('{END_OF_TIME}' as date)",
        "days_between": lambda earlier, later: f"date_diff('day', {earlier}, {later})",
    }
    return Environment().from_string(fits_need + MODEL).render(names)


SQL = compiled()
DAYS = (date(2024, 1, 31), date(2025, 1, 31))
#: Few values, so that bounds are met exactly and rules collide.
VALUES = st.one_of(st.none(), st.integers(0, 4).map(float))
RULES = st.lists(
    st.tuples(st.sampled_from([date(2000, 1, 1), date(2024, 6, 1)]), st.sampled_from(SEGMENTS),
              st.sampled_from(MEASURES), VALUES, VALUES),
    max_size=14,
    unique_by=lambda rule: rule[:3],
)  # fmt: skip
CUSTOMER = st.fixed_dictionaries(dict.fromkeys(MEASURES, VALUES))


def expected(rules: list[tuple], customer: dict, day: date) -> str:
    """By the words of the seed's description."""
    in_force = {}
    for valid_from, segment, measure, low, high in sorted(rules, key=lambda rule: rule[0]):
        if valid_from <= day:
            in_force[segment, measure] = (low, high)
    for segment in SEGMENTS:
        bounds = {
            of: ends for (each, of), ends in in_force.items() if each == segment and ends != (None, None)
        }
        if bounds and all(
            customer[measure] is not None
            and (low is None or customer[measure] >= low)
            and (high is None or customer[measure] <= high)
            for measure, (low, high) in bounds.items()
        ):
            return segment
    return "basic"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules=RULES, customers=st.lists(CUSTOMER, min_size=1, max_size=6))
def test_everybody_is_in_the_first_segment_that_fits_and_in_no_other(rules, customers):
    people = [{**measures, "id": f"c{place}"} for place, measures in enumerate(customers)]
    for person in people:
        # These are never unknown of somebody who has booked; the change is a difference of two counts.
        person["purchase_occasions_24m"] = person["purchase_occasions_24m"] or 0.0
        person["purchase_occasions_change_12m"] = person["purchase_occasions_change_12m"] or 0.0
        person["service_lines_12m"] = person["service_lines_12m"] or 0.0
        person["days_since_first_booking"] = person["days_since_first_booking"] or 0.0
    with duckdb.connect() as connection:
        fill(connection, rules, people)
        found = connection.execute(SQL).fetchall()
    assert len(found) == len(people) * len(DAYS)
    told = {(customer_id, day): segment for customer_id, day, segment in found}
    assert told == {(person["id"], day): expected(rules, person, day) for person in people for day in DAYS}


def fill(connection: duckdb.DuckDBPyConnection, rules: list[tuple], people: list[dict]) -> None:
    """The relations the model reads, of measures as they are wanted."""
    connection.execute(
        """
        CREATE TABLE need_segment_rules (
            valid_from DATE, segment VARCHAR, measure VARCHAR, min_value DOUBLE, max_value DOUBLE
        );
        CREATE TABLE int_dates (as_of_date DATE);
        CREATE TABLE int_customer_rhythm (
            customer_id VARCHAR, as_of_date DATE, typical_gap_days DOUBLE, first_booked_on DATE
        );
        CREATE TABLE int_occasion_windows (
            customer_id VARCHAR, as_of_date DATE, purchase_occasions_24m INTEGER,
            purchase_occasions_12m INTEGER, purchase_occasions_prior_12m INTEGER
        );
        CREATE TABLE int_booking_windows (
            customer_id VARCHAR, as_of_date DATE, discount_value_12m DECIMAL(18, 2),
            gross_value_12m DECIMAL(18, 2),
            service_lines_12m INTEGER, average_lead_days DOUBLE
        );
        CREATE TABLE int_value_tiers (customer_id VARCHAR, as_of_date DATE, monetary_points INTEGER)
        """
    )
    for table, rows in {
        "need_segment_rules": rules,
        "int_dates": [(day,) for day in DAYS],
        "int_customer_rhythm": [
            (p["id"], day, p["typical_gap_days"], day - timedelta(days=int(p["days_since_first_booking"])))
            for p in people
            for day in DAYS
        ],
        "int_occasion_windows": [
            (p["id"], day, p["purchase_occasions_24m"], p["purchase_occasions_change_12m"], 0)
            for p in people
            for day in DAYS
        ],
        "int_booking_windows": [
            (p["id"], day, p["discount_share_12m"], 1, p["service_lines_12m"], p["average_lead_days"])
            for p in people
            for day in DAYS
        ],
        "int_value_tiers": [(p["id"], day, p["monetary_points"]) for p in people for day in DAYS],
    }.items():
        if rows:
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in rows[0])})", rows)
