"""Which group a row is in: of its own month, from the tables this company has."""

import pytest

from ml.frame import read_frame
from ml.groups import read_groups
from ml.settings import parameters
from roundtrip.home import Home
from tests.published_fixture import change_published, publish_made_up

RULES = parameters()


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> tuple[Home, object]:
    home = Home(tmp_path_factory.mktemp("groups") / "home")
    as_of = publish_made_up(home, customers=60, months=24)
    return home, read_frame(home, as_of, RULES).rows


def test_a_row_is_in_the_groups_of_its_own_month(made_up):
    home, rows = made_up
    change_published(
        home,
        """CREATE OR REPLACE TABLE marts.fct_customer_months AS SELECT customer_id, as_of_date,
           CASE WHEN month(as_of_date) = 6 THEN 'high' ELSE 'low' END AS value_tier,
           NULL::VARCHAR AS need_segment FROM marts.customer_features""",
    )
    mixed = rows.sample(frac=1, random_state=1)
    found = read_groups(home, mixed, RULES)
    assert found.index.equals(mixed.index)
    is_june = mixed["as_of_date"].dt.month == 6
    assert found["value_tier"].eq("high").equals(is_june.rename("value_tier"))
    assert found["month"].eq(mixed["as_of_date"].dt.strftime("%Y-%m")).all()
    assert found["country"].equals(mixed["country"].astype(found["country"].dtype))
    # Nobody has a need segment here, and no service line is known: no column of nothing.
    assert not {"need_segment", "dominant_service_line"} & set(found)


def test_what_the_monthly_table_lacks_comes_from_the_features(made_up):
    home, rows = made_up
    change_published(home, "DROP TABLE IF EXISTS marts.fct_customer_months")
    found = read_groups(home, rows, RULES)
    assert {"lifecycle_stage", "acquisition_channel", "country", "gender", "age_band", "month"} == set(found)
