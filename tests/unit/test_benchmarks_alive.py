"""The benchmark of probability_alive: rankings are judged within a date, and outcomes come from the truth."""

from datetime import date

import duckdb
import pandas as pd
import pytest

from benchmarks import alive

DAYS = (date(2025, 1, 31), date(2025, 2, 28))


def rows(scores: list[float], outcomes: list[bool], day: date) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(len(scores))], "as_of_date": day, "outcome": outcomes}
    )
    return frame.assign(**dict.fromkeys(alive.RANKINGS, scores))


def test_rankings_are_judged_within_a_date():
    # Each date is ranked without a mistake, though January's gone score less than February's others.
    january = rows([0.1, 0.2, 0.3, 0.4], [False, False, True, True], DAYS[0])
    february = rows([0.6, 0.7, 0.8, 0.9], [False, False, True, True], DAYS[1])
    for auc, low, high in alive.judge(pd.concat([january, february]), seed=1).values():
        assert (auc, low, high) == (1, 1, 1)


def test_dates_count_by_their_customers_and_one_sided_dates_not_at_all():
    right = rows([0.1, 0.9], [False, True], DAYS[0])
    wrong = rows([0.9, 0.1] * 3, [False, True] * 3, DAYS[1])
    nobody_gone = rows([0.5, 0.6], [False, False], date(2025, 3, 31))
    found = alive.judge(pd.concat([right, wrong, nobody_gone]), seed=1)
    for auc, low, high in found.values():
        assert auc == pytest.approx(2 / 8)
        assert low <= auc <= high


def test_outcomes_are_those_of_the_truth_at_the_month_end(tmp_path):
    truth = tmp_path / "truth" / "customer_months"
    truth.mkdir(parents=True)
    with duckdb.connect() as work:
        work.execute(
            f"""
            COPY (
                FROM (VALUES
                    ('stays', TIMESTAMP '2025-01-01', 'active'), ('goes', TIMESTAMP '2025-01-01', 'gone'),
                    ('goes', TIMESTAMP '2024-12-01', 'active')
                ) AS t(customer_id, month, state)
            ) TO '{truth}/2025-01.parquet' (FORMAT parquet);
            CREATE SCHEMA marts;
            CREATE TABLE marts.fct_customer_months AS
                SELECT customer_id, DATE '2025-01-31' AS as_of_date, purchases AS purchase_occasions,
                    chance AS probability_alive, 1.5 AS overdue_ratio, 90 AS days_since_last_booking
                FROM (VALUES ('stays', 3, 0.9), ('goes', 1, 0.2), ('prospect', 0, NULL))
                    AS t(customer_id, purchases, chance);
            CREATE TABLE marts.churn_labels AS
                SELECT customer_id, DATE '2025-01-31' AS as_of_date, is_censored, is_churned
                FROM (VALUES ('stays', true, NULL), ('goes', false, true))
                    AS t(customer_id, is_censored, is_churned)
            """
        )
        asked = alive.questions(work, tmp_path)
    assert dict(asked["gone for ever"].set_index("customer_id")["outcome"]) == {"goes": True, "stays": False}
    assert dict(asked["gone for ever"].set_index("customer_id")["probability_gone"]) == pytest.approx(
        {"goes": 0.8, "stays": 0.1}
    )
    assert asked["gone for ever, one-time buyers"]["customer_id"].tolist() == ["goes"]
    assert asked["gone for ever, repeat buyers"]["customer_id"].tolist() == ["stays"]
    assert asked["no booking within the horizon"]["customer_id"].tolist() == ["goes"]
