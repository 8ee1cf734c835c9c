"""One made-up company built by dbt and published with scores, shared by the tests that only read it."""

from datetime import date

import pytest

from roundtrip import duck
from roundtrip.build import build_warehouse
from roundtrip.home import Home
from roundtrip.publish import publish, publish_scores
from tests.handmade import pass_gate
from tests.once import made_once
from tests.warehouse_fixture import create_raw, generate, without_data_tests

AS_OF = date(2024, 12, 31)


def published_company(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of 300 customers and three years, published with scores; built once for all processes."""
    return Home(made_once(tmp_path_factory, "company", lambda folder: _build(Home(folder))))


def _build(home: Home) -> None:
    create_raw(home)
    generate(home, customers=300, months=36, ends_on=AS_OF, bookings_a_year=3)
    with without_data_tests():
        build_warehouse(home, AS_OF)
    pass_gate(home, AS_OF)
    publish(home, AS_OF)
    _score(home)
    publish_scores(home, AS_OF)


def _score(home: Home) -> None:
    """What the stage score would leave: the more overdue, the likelier to leave."""
    file = home.products_dir / "customer_scores" / f"{AS_OF}.parquet"
    file.parent.mkdir(parents=True)
    with duck.connect(home.work_db, home.tmp_dir, read_only=True) as work:
        work.execute(
            f"""
            COPY (
                SELECT customer_id, as_of_date,
                    CASE WHEN is_scorable THEN least(0.99, overdue_ratio / 3) END AS churn_probability,
                    CASE WHEN NOT is_scorable THEN 'not_applicable' WHEN overdue_ratio > 2 THEN 'high'
                        ELSE 'low' END AS risk_band,
                    1.0 AS expected_bookings, value_12m AS lifetime_value,
                    'overdue' AS reason_1, NULL AS reason_2, NULL AS reason_3,
                    '逾期' AS reason_1_zh, NULL AS reason_2_zh, NULL AS reason_3_zh, 'v1' AS model_version
                FROM marts.customer_features WHERE as_of_date = DATE '{AS_OF}' ORDER BY customer_id
            ) TO '{file}' (FORMAT parquet)
            """
        )
