"""Two lives of one company: the difference is what was done, and nothing else."""

import os
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.simulate import live_on, parameters, simulate
from roundtrip.simulate.loop.compare import Comparison, compare

WORLDS = Path(parameters.__file__).parent / "worlds"
BEGAN_ON = date(2025, 12, 31)


def lived_twice(
    folder: Path, months: int, everybody_gets: str | None, config: Path | None = None
) -> tuple[Path, Path, Comparison]:
    landing, untouched = folder / "lived", folder / "untouched"
    simulate(landing, 500, 24, 5, config)
    shutil.copytree(landing, untouched, copy_function=os.link)
    orders = None
    if everybody_gets:
        here = duckdb.sql(
            f"SELECT customer_id FROM '{landing}/truth/customers.parquet' "
            "WHERE state IN ('active', 'fading') ORDER BY customer_id"
        ).fetchall()
        orders = folder / "orders.csv"
        # One in four is held out.
        lines = [
            f"{customer},{everybody_gets},{'treatment' if at % 4 else 'control'},wechat"
            for at, (customer,) in enumerate(here)
        ]
        orders.write_text("customer_id,action,arm,channel\n" + "\n".join(lines) + "\n")
    live_on(landing, months, orders)
    live_on(untouched, months)
    return landing, untouched, compare(landing, untouched, BEGAN_ON)


def test_with_nothing_done_both_lives_are_the_same(tmp_path):
    _, _, compared = lived_twice(tmp_path, 2, everybody_gets=None)
    assert compared.everybody.with_plan == compared.everybody.untouched
    assert compared.everybody.untouched.customers > 100
    assert compared.treated.with_plan.customers == 0


def test_where_nothing_works_nothing_changes_for_whoever_is_treated(tmp_path):
    _, _, compared = lived_twice(tmp_path, 2, "care_call", WORLDS / "nothing_works.yml")
    assert compared.treated.with_plan.customers > 100
    assert compared.treated.with_plan == compared.treated.untouched


def test_where_actions_hold_customers_a_call_keeps_more_of_them_than_elsewhere(tmp_path):
    """Of those who would have left; its campaigns before were stronger, too, so that others are there."""
    *_, elsewhere = lived_twice(tmp_path / "elsewhere", 3, "care_call")
    *_, here = lived_twice(tmp_path / "here", 3, "care_call", WORLDS / "actions_hold.yml")
    left = [lived.treated.with_plan.gone / lived.treated.untouched.gone for lived in (elsewhere, here)]
    assert left[1] < left[0] < 1, left


@pytest.fixture(scope="module")
def discounted(tmp_path_factory) -> tuple[Path, Path, Comparison]:
    return lived_twice(tmp_path_factory.mktemp("discounted"), 3, everybody_gets="discount")


def test_what_changed_changed_for_those_who_were_treated(discounted):
    """Who was held out, and everybody else, lives the same life in both."""
    *_, compared = discounted
    treated, everybody = compared.treated, compared.everybody
    assert treated.with_plan.revenue > treated.untouched.revenue
    assert treated.with_plan.gone <= treated.untouched.gone
    of_treated = treated.with_plan.revenue - treated.untouched.revenue
    assert everybody.with_plan.revenue - everybody.untouched.revenue == pytest.approx(of_treated, abs=1)
    gone_of_treated = treated.with_plan.gone - treated.untouched.gone
    assert everybody.with_plan.gone - everybody.untouched.gone == gone_of_treated


def test_who_was_treated_is_told_by_action_and_with_two_actions_in_both(tmp_path):
    landing, untouched = tmp_path / "lived", tmp_path / "untouched"
    simulate(landing, 300, 24, 5)
    shutil.copytree(landing, untouched, copy_function=os.link)
    (first, second, third) = (
        customer
        for (customer,) in duckdb.sql(
            f"SELECT customer_id FROM '{landing}/truth/customers.parquet' "
            "WHERE state = 'active' ORDER BY customer_id LIMIT 3"
        ).fetchall()
    )
    orders = tmp_path / "orders.csv"
    orders.write_text(
        "customer_id,action,arm,channel\n"
        f"{first},discount,treatment,wechat\n{first},care_call,treatment,phone\n"
        f"{second},discount,treatment,wechat\n{third},upgrade,control,wechat\n"
    )
    live_on(landing, 1, orders)
    live_on(untouched, 1)

    compared = compare(landing, untouched, BEGAN_ON)
    counted = {action: lives.untouched.customers for action, lives in compared.by_action.items()}
    assert list(counted.items()) == [("discount", 2), ("care_call", 1)]
    assert compared.treated.untouched.customers == 2


def test_money_is_of_bookings_that_were_not_cancelled_counted_once(discounted):
    """Counted again from the files: the last version of each booking, in the company's own currency only."""
    landing, _, compared = discounted
    months = [f"{landing}/bookings/bookings-2026-{month:02}.csv" for month in (1, 2, 3)]
    rows = duckdb.sql(
        "SELECT booking_id, status, updated_at, margin_amount::DOUBLE AS margin "
        f"FROM read_csv({months}, all_varchar = true, ignore_errors = true) "
        "WHERE try_cast(booked_at AS TIMESTAMP) >= '2026-01-01' AND currency = 'CNY'"
    ).df()
    last = rows.sort_values("updated_at").groupby("booking_id").tail(1)
    in_cny = last.loc[~last["status"].str.startswith("cancelled"), "margin"].sum()
    assert 0.5 * compared.everybody.with_plan.margin < in_cny <= compared.everybody.with_plan.margin
