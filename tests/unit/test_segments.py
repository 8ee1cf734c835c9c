"""Need segments from the data: clusters that are there are found, and nothing is made of what is not."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from ml.segments import clustering, find_segments, migrations, naming, stage
from ml.segments.associations import COLUMNS as ASSOCIATIONS
from ml.segments.associations import read_associations
from ml.segments.measures import RULE_MEASURES, Customers, scale_of
from ml.segments.preferences import read_preferences
from ml.segments.settings import PROFILES, SEGMENTS, parameters
from ml.segments.stability import overlaps, verdict
from tests.published_fixture import change_published
from tests.segments_fixture import open_bookings, publish_segments

AS_OF = date(2025, 6, 30)
PRODUCTS = ("segment_profiles", "segment_migrations", "line_associations", "customer_preferences")


@pytest.fixture
def quick() -> dict:
    chosen = parameters()
    chosen["clusters"] |= {"largest": 5, "final_draws": 10, "compared_draws": 2}
    return chosen


def crowd(centres: list[tuple[float, float]], spread: float, each: int = 150) -> Customers:
    """Customers around centres of (lines in a year, share of discount), each centre a segment of its own."""
    random = np.random.default_rng(5)
    points = np.concatenate([random.normal(centre, spread, (each, 2)) for centre in centres])
    rows = pd.DataFrame(points, columns=["service_lines_12m", "discount_share_12m"])
    for name in RULE_MEASURES:
        if name not in rows:
            rows[name] = 1.0
    rows["need_segment"] = np.repeat(SEGMENTS[: len(centres)], each)
    rows["customer_id"] = [f"c{n:04d}" for n in range(len(rows))]
    return Customers(rows, ["service_lines_12m", "discount_share_12m"], [], len(rows), "EUR")


def test_clusters_that_are_there_are_found_named_and_stable(quick):
    found = stage.look_at(crowd([(0, 0), (9, 0), (0, 9), (9, 9)], spread=0.5), AS_OF, quick)
    assert found["clusters"]["number"] == 4
    assert found["clusters"]["rand_index_with_rules"] == pytest.approx(1)
    assert sorted(found["clusters"]["like_segments"]) == sorted(SEGMENTS[:4])
    assert found["verdicts"] == ["stable"] * 4
    assert found["proposal"]["fidelity"] > 0.99
    assert found["proposal"]["baseline"] == pytest.approx(0.25)


def test_a_cloud_has_no_stable_clusters(quick):
    found = stage.look_at(crowd([(5, 5)], spread=2, each=600), AS_OF, quick)
    assert found["clusters"]["rand_index_of_draws"] < 0.9
    assert "stable" not in found["verdicts"] or found["verdicts"].count("stable") < len(found["verdicts"])


def test_the_proposed_bound_lies_between_the_crowds(quick):
    crowds = crowd([(0, 0), (9, 0)], spread=0.5)
    names = crowds.rows["need_segment"].to_numpy()
    proposed = naming.proposed_rules(crowds.rows, names, date(2025, 7, 1), quick)["rules"]
    high = proposed[proposed["segment"] == "high_value"].iloc[0]
    assert high["measure"] == "service_lines_12m"
    assert 1.5 < high["max_value"] < 7.5
    assert (high["precision"], high["recall"]) == (1, 1)
    assert set(proposed["valid_from"]) == {date(2025, 7, 1)}


def test_a_description_tells_everybodys_value_in_the_same_unit(quick):
    profile = pd.DataFrame(
        {
            "measure": ["overdue_ratio", "discount_share_12m", "value_12m", "web_events_90d"],
            "value": [1.0, 0.113, 2679.4, 3.0],
            "value_of_all": [1.0, 0.0325, 3811.2, 3.0],
            "distance": [0.1, 2.5, -0.5, -0.2],
        }
    )
    words = quick["measures"]
    assert naming.described(profile, words, "CNY", "en") == (
        "11% discount (all: 3%); 2,679 CNY in a year (all: 3,811); visits in a quarter: 3 (all: 3)"
    )
    assert naming.described(profile, words, "CNY", "zh").startswith(
        "折扣占11%（全部：3%）；一年消费2,679 CNY（全部：3,811）"
    )


def test_one_agency_does_not_stretch_the_scale(quick):
    crowds = crowd([(0, 0), (9, 0)], spread=0.5)
    before = scale_of(crowds.rows, crowds.names, quick)
    crowds.rows.loc[0, "service_lines_12m"] = 1e6
    after = scale_of(crowds.rows, crowds.names, quick)
    assert after.width["service_lines_12m"] == pytest.approx(before.width["service_lines_12m"], rel=0.05)
    assert after.apply(crowds.rows).max() <= quick["frame"]["clip"]


def test_a_criterion_each_and_the_simpler_one_on_a_tie():
    same = {"calinski_harabasz": 9.0, "davies_bouldin": 1.0, "bootstrap_ari": 0.9, "smallest_share": 0.2}
    rows = [
        {"kind": "hierarchical", "k": 3, "silhouette": 0.5, **same},
        {"kind": "k_means", "k": 3, "silhouette": 0.5, **same},
        {"kind": "k_means", "k": 4, "silhouette": 0.4, **same},
        {"kind": "gaussian_mixture", "k": 3, "silhouette": 0.9, **same, "smallest_share": 0.001},
    ]
    ranked = clustering.ranked(pd.DataFrame(rows), min_share=0.03)
    assert ranked["kind"].tolist()[:2] == ["k_means", "hierarchical"]
    # The best by its numbers, but of odd accounts.
    assert ranked.iloc[-1]["kind"] == "gaussian_mixture"
    assert not ranked.iloc[-1]["is_allowed"]


def test_jaccard_by_hand_and_what_it_says(quick):
    ones, others = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    assert overlaps(ones, others) == pytest.approx(np.array([[2 / 3, 1 / 5], [0, 2 / 3]]))
    assert [verdict(value, quick) for value in (0.75, 0.74, 0.5, 0.49)] == [
        "stable",
        "pattern",
        "pattern",
        "dissolved",
    ]


def test_who_has_moved_in_a_year_by_hand():
    connection = duckdb.connect()
    connection.execute(
        """
        CREATE SCHEMA marts;
        CREATE TABLE marts.fct_customer_months AS FROM (VALUES
            ('a', DATE '2024-02-29', 'loyal'), ('b', DATE '2024-02-29', 'loyal'),
            ('c', DATE '2024-02-29', NULL), ('a', DATE '2025-02-28', 'loyal'),
            ('b', DATE '2025-02-28', 'basic'), ('c', DATE '2025-02-28', 'basic'),
            ('d', DATE '2025-02-28', 'emerging_market'), ('a', DATE '2025-03-31', 'high_value')
        ) AS t (customer_id, as_of_date, need_segment)
        """
    )
    moves = migrations.read_migrations(connection, date(2025, 3, 15), 12)
    found = {(row.from_segment, row.to_segment): (row.customers, row.share) for row in moves.itertuples()}
    assert found == {
        ("loyal", "loyal"): (1, 0.5),
        ("loyal", "basic"): (1, 0.5),
        ("prospect", "basic"): (1, 1),
        ("unregistered", "emerging_market"): (1, 1),
    }
    assert set(moves["from_date"]) == {date(2024, 2, 29)}
    assert migrations.read_migrations(connection, date(2024, 6, 1), 12).empty


def test_what_a_customer_prefers_is_what_was_booked_most_and_of_equals_last():
    day = AS_OF - timedelta(days=100)
    rows = [
        {"customer_id": "a", "service_line": "hotel", "booked_on": day, "channel": "app"},
        {
            "customer_id": "a",
            "service_line": "hotel",
            "booked_on": day,
            "channel": "web",
            "destination": None,
        },
        {"customer_id": "a", "service_line": "rail", "booked_on": day + timedelta(days=1), "channel": "web"},
        # Cancelled, too old, and of tomorrow: three reasons to count nothing.
        *(
            {
                "customer_id": "a",
                "service_line": "cruise",
                "booked_on": day,
                "status": "cancelled_by_customer",
            },
        )
        * 9,
        *({"customer_id": "a", "service_line": "car", "booked_on": AS_OF - timedelta(days=900)},) * 9,
        *({"customer_id": "a", "service_line": "car", "booked_on": AS_OF + timedelta(days=1)},) * 9,
        {"customer_id": "even", "service_line": "hotel", "booked_on": day, "channel": "web"},
        {
            "customer_id": "even",
            "service_line": "rail",
            "booked_on": day + timedelta(days=9),
            "channel": "app",
        },
    ]
    lines = pd.DataFrame(
        {"antecedent": ["hotel", "hotel"], "consequent": ["rail", "insurance"], "confidence": [0.9, 0.3]}
    )
    with open_bookings(rows, AS_OF) as connection:
        found = read_preferences(connection, AS_OF, lines, parameters()).set_index("customer_id")
    assert found.loc["a", "bookings"] == 3
    assert found.loc["a", "preferred_channel"] == "web"
    assert found.loc["a", "preferred_channel_share"] == pytest.approx(2 / 3)
    assert found.loc["a", "preferred_destination_share"] == 1
    assert found.loc["a", "preferred_service_line"] == "hotel"
    # Rail is there already.
    assert found.loc["a", "next_service_line"] == "insurance"
    assert found.loc["even", ["preferred_service_line", "preferred_channel"]].tolist() == ["rail", "app"]
    assert found.loc["even", "travel_months"] == str(day.month)


def trips(customers: int, lines_of) -> list[dict]:
    """Two trips a customer, 60 days apart; `lines_of(customer, trip)` says what is booked for it."""
    return [
        {
            "customer_id": f"c{n:03d}",
            "service_line": line,
            "booked_on": AS_OF - timedelta(days=200 - 60 * trip),
        }
        for n in range(customers)
        for trip in range(2)
        for line in lines_of(n, trip)
    ]


def test_lines_that_go_together_are_found_and_accidents_are_not():
    rows = trips(200, lambda n, trip: ["flight", "hotel"] if n % 2 else ["rail", *(["car"] if n % 4 else [])])
    # Insurance is bought by coin, whatever the trip.
    coin = np.random.default_rng(3)
    insured = {
        key: coin.random() < 0.5 for key in sorted({(row["customer_id"], row["booked_on"]) for row in rows})
    }
    rows += [
        {"customer_id": who, "booked_on": day, "service_line": "insurance"}
        for (who, day), is_ in insured.items()
        if is_
    ]
    with open_bookings(rows, AS_OF) as connection:
        found = read_associations(connection, AS_OF, parameters())
    together = found[found["kind"] == "together"].set_index(["antecedent", "consequent"])
    assert together.loc[("flight", "hotel"), "confidence"] == 1
    assert together.loc[("flight", "hotel"), "lift"] == pytest.approx(2)
    assert 0.9 < together.loc[("flight", "hotel"), "confidence_low"] < 1
    assert ("flight", "insurance") not in together.index
    assert ("flight", "car") not in together.index


def test_what_comes_on_the_next_trip():
    rows = trips(120, lambda n, trip: [["flight", "cruise"], ["hotel", "package"]][n % 2][trip : trip + 1])
    with open_bookings(rows, AS_OF) as connection:
        found = read_associations(connection, AS_OF, parameters())
    pairs = {(row.kind, row.antecedent, row.consequent) for row in found.itertuples()}
    assert pairs == {("next", "flight", "cruise"), ("next", "hotel", "package")}


def test_one_eager_customer_makes_no_rule():
    rows = [
        {"customer_id": "eager", "service_line": line, "booked_on": AS_OF - timedelta(days=10 * n)}
        for n in range(70)
        for line in ("flight", "hotel")
    ]
    rows += trips(60, lambda n, trip: ["rail"])
    with open_bookings(rows, AS_OF) as connection:
        found = read_associations(connection, AS_OF, parameters())
    # What sixty customers do again is told.
    assert set(found["antecedent"] + found["consequent"]) == {"railrail"}


def test_nobody_has_booked():
    with open_bookings([], AS_OF) as connection:
        lines = read_associations(connection, AS_OF, parameters())
        assert list(lines) == list(ASSOCIATIONS)
        assert read_preferences(connection, AS_OF, lines, parameters()).empty


def bytes_of(home, as_of: date) -> dict[str, bytes]:
    return {table: (home.products_dir / table / f"{as_of}.parquet").read_bytes() for table in PRODUCTS}


def test_once_a_month_and_the_same_again(home):
    as_of = publish_segments(home, customers=700)
    summary = find_segments(home, as_of)
    assert summary["status"] == "found"
    before = bytes_of(home, as_of)
    assert find_segments(home, as_of)["run_id"] == summary["run_id"]
    assert bytes_of(home, as_of) == before
    # An earlier date of the month that was run before says that the month is done.
    for table in PRODUCTS:
        file = home.products_dir / table / f"{as_of}.parquet"
        file.rename(file.with_name(f"{as_of.replace(day=3)}.parquet"))
    assert find_segments(home, as_of) == {"as_of": as_of.isoformat(), "status": "not_due"}
    assert not (home.products_dir / PROFILES / f"{as_of}.parquet").exists()


def test_a_company_with_five_customers(home):
    as_of = publish_segments(home, customers=5)
    summary = find_segments(home, as_of)
    assert summary["status"] == "too_few_customers"
    assert summary["clusters"] is None
    profiles = pd.read_parquet(home.products_dir / PROFILES / f"{as_of}.parquet")
    assert set(profiles["kind"]) == {"rule"}
    assert summary["preferences"] == 5
    assert summary["associations"] == 0


def test_whoever_withdrew_profiling_and_agencies_are_in_no_cluster(home):
    as_of = publish_segments(home)
    change_published(
        home,
        "UPDATE marts.dim_customers SET may_be_profiled = customer_id >= 'c000100', "
        "is_high_volume = customer_id BETWEEN 'c000100' AND 'c000149'",
    )
    find_segments(home, as_of)
    people = pd.read_parquet(home.products_dir / "customer_preferences" / f"{as_of}.parquet")
    assert people["customer_id"].min() == "c000100"
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        from ml.segments.measures import read_customers

        assert read_customers(connection, as_of, parameters()).rows["customer_id"].min() >= "c000150"


def test_a_company_without_prices_is_clustered_by_what_it_has(home):
    as_of = publish_segments(home, customers=700)
    change_published(home, "UPDATE marts.customer_features SET value_12m = NULL, value_prior_12m = NULL")
    summary = find_segments(home, as_of)
    assert summary["status"] == "found"
    assert any(words.startswith("value_12m: known of 0%") for words in summary["left_out"])
