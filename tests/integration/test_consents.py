"""Whoever withdraws consent to profiling is out of models and scores from that day on."""

import duckdb

from ml.frame import read_frame
from ml.score import score
from ml.settings import parameters
from tests.published_fixture import change_published, publish_made_up


def scores(path: str) -> list[tuple]:
    return duckdb.sql(
        f"SELECT customer_id, risk_band, churn_probability, expected_bookings, lifetime_value, reason_1, "
        f"reason_1_zh FROM '{path}' ORDER BY customer_id"
    ).fetchall()


def test_withdrawn_customers_teach_nothing_and_are_not_scored(home):
    as_of = publish_made_up(home, customers=60, months=30)
    everybody = read_frame(home, as_of, parameters())
    before = scores(score(home, as_of)["path"])
    learned_from = set(everybody.rows["customer_id"])
    withdrawn = next(row[0] for row in before if row[1] != "not_applicable" and row[0] in learned_from)
    change_published(
        home, f"UPDATE marts.dim_customers SET may_be_profiled = false WHERE customer_id = '{withdrawn}'"
    )

    frame = read_frame(home, as_of, parameters())

    assert learned_from - set(frame.rows["customer_id"]) == {withdrawn}
    assert "customers left out, since they withdrew consent to profiling: 1" in frame.messages
    after = scores(score(home, as_of)["path"])
    assert len(after) == len(before), "everybody keeps a row"
    (row,) = [row for row in after if row[0] == withdrawn]
    assert row[1:5] == ("not_applicable", None, None, None)
    assert row[5:] == ("Profiling consent withdrawn: not scored", "已撤回画像授权:不评分")
