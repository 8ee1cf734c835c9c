"""The comparison of the simulated company with real sets: like with like, and the distances themselves."""

import csv
import gzip
import random
import shutil
from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pytest

from benchmarks.believable import distances, shapes
from benchmarks.believable.__main__ import compare_all, main
from benchmarks.believable.real import SETS, TOPICS
from roundtrip.contract import source_contract

START = datetime(2025, 3, 1)
AS_OF = "2025-12-31"


def weighted(*pairs):
    values, counts = zip(*pairs, strict=True)
    return np.array(values, float), np.array(counts, float)


# --- distances ---------------------------------------------------------------------------------------------


def test_equal_distributions_are_no_distance_apart_whatever_their_size():
    one, other = weighted((1, 2), (5, 6), (9, 2)), weighted((1, 20), (5, 60), (9, 20))
    assert distances.kolmogorov_smirnov(one, other) == pytest.approx(0)
    assert distances.wasserstein(one, weighted((1, 20), (5, 60), (9, 20)), is_log=False) in (None, 0)
    assert distances.total_variation(one[1], other[1]) == pytest.approx(0)
    assert distances.jensen_shannon(one[1], other[1]) == pytest.approx(0)


def test_distributions_without_overlap_are_as_far_apart_as_can_be():
    assert distances.kolmogorov_smirnov(weighted((1, 3)), weighted((2, 5))) == 1
    assert distances.total_variation(np.array([4.0, 0]), np.array([0, 2.0])) == 1
    assert distances.jensen_shannon(np.array([4.0, 0]), np.array([0, 2.0])) == pytest.approx(1)


def test_distances_agree_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    maker = np.random.default_rng(5)
    one, other = maker.poisson(6, 400), maker.poisson(9, 300)
    pair = [np.unique(sample, return_counts=True) for sample in (one, other)]
    assert distances.kolmogorov_smirnov(*pair) == pytest.approx(stats.ks_2samp(one, other).statistic)
    low, high = np.quantile(one, [0.25, 0.75], method="inverted_cdf")
    expected = stats.wasserstein_distance(one, other) / (high - low)
    assert distances.wasserstein(*pair, is_log=False) == pytest.approx(expected)


def test_a_shift_by_one_interquartile_range_is_one():
    real = weighted(*((value, 1) for value in range(101)))
    shifted = weighted(*((value + 50, 1) for value in range(101)))
    assert distances.wasserstein(real, shifted, is_log=False) == pytest.approx(1)


def test_a_single_valued_middle_has_no_unit_to_measure_in():
    assert distances.wasserstein(weighted((1, 1), (2, 98), (3, 1)), weighted((5, 1)), is_log=False) is None


def test_quantiles_of_whole_days_are_whole_days():
    at = distances.quantiles(*weighted((1, 1), (2, 1), (3, 1), (4, 1)), (0.25, 0.5, 0.9))
    assert list(at) == [1, 2, 4]


def test_coming_back_counts_those_no_longer_watched_only_while_they_were():
    # Ten customers: two back on day 1; four unseen after day 2; of the four left two are back on day 3.
    days, has_come = np.array([1, 2, 3, 9]), np.array([True, False, True, False])
    at, share = distances.came_back(days, has_come, np.array([2, 4, 2, 2]))
    assert list(at) == [1, 3]
    assert share == pytest.approx([0.2, 1 - 0.8 * 0.5])


def test_variety_sees_repetition_and_needs_equal_amounts():
    assert distances.variety(["abcdefgh"], 100) == 1
    assert distances.variety(["abcdefgh"] * 4, 100) == 0.25
    assert distances.variety(["abcdefgh"] * 4, 8) == 1


# --- the two sides -----------------------------------------------------------------------------------------


def write_csv(file, rows, compressed=False):
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wt", newline="") if compressed else file.open("w", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def deliver(landing, table, rows, name="2025"):
    columns = source_contract()[table].column_names
    write_csv(
        landing / table / f"{table}-{name}.csv",
        [{column: row.get(column, "") for column in columns} for row in rows],
    )


def utc(local):
    """China's clock, as a landing folder has it."""
    return (local - timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def orders():
    """(customer, moment on China's clock): 150 customers, each with a few orders of ten months."""
    maker = random.Random(3)
    # The first and the last day are taken: both windows must be equally long.
    made = [(0, START), (1, datetime(2025, 12, 31, 12))]
    for customer in range(150):
        for _ in range(maker.choice([1, 1, 1, 2, 4])):
            moment = timedelta(days=maker.randrange(300), minutes=maker.randrange(1440))
            made.append((customer, START + moment))
    return made


@pytest.fixture(scope="module")
def stays():
    """Hotel bookings of the last two years, as neither side would write them."""
    maker = random.Random(4)
    made = []
    for number in range(400):
        arrival = datetime(2024, 1, 1) + timedelta(days=maker.randrange(700))
        lead, is_cancelled = maker.choice([0, 3, 20, 100, 200]), maker.random() < 0.3
        made.append(
            {
                "number": number,
                "arrival": arrival,
                "lead": lead,
                "nights": maker.choice([1, 2, 3, 7]),
                "party": maker.choice([1, 2, 2, 4]),
                "price": maker.choice([60, 80, 100, 150]),
                "cancelled": arrival - timedelta(days=lead // 2) if is_cancelled else None,
            }
        )
    return made


@pytest.fixture(scope="module")
def texts():
    return [f"message {number}: {'very ' * (number % 7)}bad luck" for number in range(300)]


@pytest.fixture(scope="module")
def data(tmp_path_factory, orders, stays, texts):
    """The five sets in their original shape, made of the fixtures' facts."""
    folder = tmp_path_factory.mktemp("data")
    epoch = datetime(1970, 1, 1)
    guides = [
        {"userid": who, "orderid": i, "orderTime": int((at - epoch).total_seconds()), "orderType": 0}
        for i, (who, at) in enumerate(orders)
    ]
    write_csv(folder / "hi_guides/orderHistory_train.csv.gz", guides, True)
    ratings = [{"userid": i, "orderid": i, "rating": float(1 + i % 5)} for i in range(50)]
    write_csv(folder / "hi_guides/userComment_train.csv.gz", ratings, True)
    # Eight years earlier, as the real ones are: the same days of the year, in two whole years from September.
    hotel = []
    for stay in stays:
        arrival = stay["arrival"].replace(year=2016 if stay["arrival"].month < 9 else 2015)
        status = "Canceled" if stay["cancelled"] else "Check-Out"
        on = arrival - (stay["arrival"] - stay["cancelled"]) if stay["cancelled"] else arrival
        hotel.append(
            {
                "is_canceled": int(status == "Canceled"),
                "lead_time": stay["lead"],
                "arrival_date_year": arrival.year,
                "arrival_date_month": arrival.strftime("%B"),
                "arrival_date_day_of_month": arrival.day,
                "stays_in_weekend_nights": 0,
                "stays_in_week_nights": stay["nights"],
                "adults": stay["party"],
                "children": "NA",
                "babies": 0,
                "adr": stay["price"],
                "market_segment": "Online TA",
                "customer_type": "Transient",
                "deposit_type": "No Deposit",
                "is_repeated_guest": 0,
                "reservation_status": status,
                "reservation_status_date": on.strftime("%Y-%m-%d"),
            }
        )
    block = {**hotel[0], "deposit_type": "Non Refund", "is_canceled": 1, "lead_time": 400}
    write_csv(folder / "hotel_bookings/hotel_bookings.csv.gz", [*hotel, *[block] * 300], True)
    cards = [
        {
            "Loyalty Number": member,
            "Enrollment Year": 2016,
            "Enrollment Month": 6,
            "Cancellation Year": 2018 if member % 5 == 0 else "",
            "Cancellation Month": 3 if member % 5 == 0 else "",
        }
        for member in range(60)
    ]
    write_csv(folder / "airline_loyalty/customer_loyalty_history.csv.gz", cards, True)
    flights = [
        # After leaving, too: such rows are in the real file, and must not count.
        {"Loyalty Number": member, "Year": year, "Month": month, "Flights Booked": (member + month) % 3}
        for member in range(60)
        for year in (2017, 2018)
        for month in range(1, 13)
    ]
    write_csv(folder / "airline_loyalty/customer_flight_activity.csv.gz", flights, True)
    causes = list(TOPICS)
    tweets = [
        {
            "airline_sentiment": "negative" if i % 2 else "neutral",
            "negativereason": causes[i % len(causes)] if i % 2 else "",
            "text": f"@airline {text}",
        }
        for i, text in enumerate(texts)
    ]
    write_csv(folder / "airline_tweets/airline_tweets.csv.gz", tweets, True)
    reviews = [{"label": i % 2, "review": text} for i, text in enumerate(texts)]
    write_csv(folder / "hotel_reviews_zh/hotel_reviews_zh.csv.gz", reviews, True)
    return folder


@pytest.fixture(scope="module")
def landing(tmp_path_factory, orders, stays, texts):
    """A landing folder with the same facts in the contract's shape, in several files per table."""
    folder = tmp_path_factory.mktemp("landing")
    (folder / "company.yml").write_text(f"name: Twin\nas_of: {AS_OF}\nseed: 11\n", encoding="utf-8")
    deliver(
        folder,
        "customers",
        [{"customer_id": f"C{i}", "registered_at": "2023-12-01T00:00:00Z"} for i in range(200)],
    )
    base = {"currency": "CNY", "updated_at": "2025-12-30T00:00:00Z", "status": "completed"}
    # What the rhythm is measured on must not reach the hotels, and the other way round.
    rows = [
        {**base, "booking_id": f"O{i}", "customer_id": f"C{who}", "booked_at": utc(at), "service_line": "car"}
        for i, (who, at) in enumerate(orders)
    ]
    for stay in stays:
        booked = stay["arrival"] - timedelta(days=stay["lead"]) + timedelta(hours=1)
        rows.append(
            {
                **base,
                "booking_id": f"H{stay['number']}",
                "customer_id": f"G{stay['number']}",
                "booked_at": utc(booked),
                "service_line": "hotel",
                "travel_start": stay["arrival"].strftime("%Y-%m-%d"),
                "travel_end": (stay["arrival"] + timedelta(days=stay["nights"])).strftime("%Y-%m-%d"),
                "travellers": stay["party"],
                "gross_amount": stay["price"] * stay["nights"],
                "status": "cancelled_by_customer" if stay["cancelled"] else "completed",
                "cancelled_at": utc(stay["cancelled"] + timedelta(hours=2)) if stay["cancelled"] else "",
            }
        )
    deliver(folder, "bookings", rows[::2], "2025-01")
    deliver(folder, "bookings", rows[1::2], "2025-02")
    # An older version of every booking, in the newest file: it must lose.
    older = [
        {**row, "updated_at": "2025-01-01T00:00:00Z", "travellers": 6, "status": "no_show"} for row in rows
    ]
    deliver(folder, "bookings", older, "2025-12")
    with (folder / "bookings/bookings-2025-12.csv").open("a") as out:
        out.write("a,line,that,is,torn\n")
    causes = list(TOPICS.values())
    deliver(
        folder,
        "support_tickets",
        [
            {
                "ticket_id": f"T{i}",
                "is_complaint": "true" if i % 2 else "false",
                "category": causes[i % len(causes)] if i % 2 else "information",
                "text": text,
                "language": "en-GB",
            }
            for i, text in enumerate(texts)
        ],
    )
    answers = [
        {"text": text, "language": "zh-CN", "score": 5.0 if i % 2 else 1.0} for i, text in enumerate(texts)
    ]
    deliver(
        folder,
        "surveys",
        [{"response_id": f"S{i}", "survey_type": "review", **answer} for i, answer in enumerate(answers)],
    )
    return folder


@pytest.fixture(scope="module")
def found(landing, data):
    described, comparisons, skipped = compare_all(landing, data)
    return described, {each.quantity.name: each for each in comparisons}, skipped


def test_the_same_facts_in_two_shapes_are_no_distance_apart(found):
    """Both readers must mean the same by a day, a gap, a cancellation, a night, a topic, a character …"""
    _, by_name, _ = found
    same = [
        "lead_days",
        "cancelled",
        "cancelled_by_lead",
        "cancelled_days_before",
        "nights",
        "party",
        "price",
    ]
    same += ["month", "complaint_share", "complaint_topic", "complaint_characters", "complaint_variety"]
    same += ["negative_share", "positive_characters", "negative_characters", "review_variety"]
    assert {name: by_name[name].first for name in same} == pytest.approx(dict.fromkeys(same, 0))
    assert {by_name[name].verdict for name in same} == {"close"}


def test_orders_are_compared_by_days_of_the_same_clock(found, orders):
    """The hotels' guests order on the simulated side, too, but once each, so that they make no gaps."""
    _, by_name, _ = found
    per_customer = Counter(customer for customer, _ in {(who, at.date()) for who, at in orders})
    expected = Counter(min(days, 5) for days in per_customer.values())
    real = by_name["order_days"].real
    assert dict(zip(real.labels, real.counts, strict=True)) == {
        "5+" if days == 5 else str(days): count for days, count in expected.items()
    }
    gaps = by_name["gap_days"]
    assert (gaps.real.values.tolist(), gaps.real.counts.tolist()) == (
        gaps.simulated.values.tolist(),
        gaps.simulated.counts.tolist(),
    )


def test_a_table_that_was_not_delivered_is_skipped_aloud(found):
    _, by_name, skipped = found
    assert "silent_months" not in by_name  # no ledger
    assert any("Months without activity" in what and "simulated" in what for what in skipped)


def test_members_are_watched_between_joining_and_leaving(landing, data, tmp_path):
    twin = shutil.copytree(landing, tmp_path / "twin")
    entries, rows = [], []
    for member in range(60):
        who = {"customer_id": f"M{member}", "points": 0}
        entries.append(
            {**who, "entry_id": f"J{member}", "entry_type": "join", "occurred_at": "2023-06-10T00:00:00Z"}
        )
        if member % 5 == 0:
            entries.append(
                {
                    **who,
                    "entry_id": f"L{member}",
                    "entry_type": "leave",
                    "occurred_at": "2025-03-10T00:00:00Z",
                }
            )
        for year in (2024, 2025):
            for month in range(1, 13):
                rows += [
                    {
                        "booking_id": f"M{member}-{year}-{month}-{flight}",
                        "customer_id": f"M{member}",
                        "booked_at": f"{year}-{month:02}-05T04:00:00Z",
                        "service_line": "flight",
                        "status": "completed",
                    }
                    for flight in range((member + month) % 3)
                ]
    deliver(twin, "loyalty_ledger", entries)
    deliver(twin, "bookings", rows, "members")
    _, comparisons, _ = compare_all(twin, data)
    activity = [each for each in comparisons if each.quantity.area == "activity"]
    assert len(activity) == 4
    assert {each.quantity.name: each.first for each in activity} == pytest.approx(
        {each.quantity.name: 0 for each in activity}
    )
    trips, leaving = (
        next(each.real for each in activity if each.quantity.name == name)
        for name in ("trips_per_active_month", "leaving")
    )
    flew_before_leaving = [
        (member, month)
        for member in range(60)
        for month in range(24)
        if (member + month + 1) % 3 and (member % 5 or month < 14)
    ]
    assert trips.n == len(flew_before_leaving)
    # 12 of 60 leave in month 21 after joining; the others are watched until month 30.
    assert leaving.events.tolist() == [0, 0, 0, 12, 0]
    assert leaving.counts.tolist() == [180, 180, 360, 48 * 12 + 12 * 10, 48 * 7]


def test_what_the_company_was_made_from_is_said(found):
    described, *_ = found
    assert (described.customers, described.months, described.seed) == (200, 25, "11")


# --- the specification, the page, the pictures -----------------------------------------------------------


def test_every_quantity_says_why_and_belongs_to_a_set():
    quantities = shapes.quantities(SETS)
    assert len({each.name for each in quantities}) == len(quantities) > 20
    assert {area.set for area in shapes.areas().values()} == set(SETS)
    for each in quantities:
        assert len(each.why) > 40, each.name
        # A number in a reason would be wrong after the next tuning.
        assert not any(letter.isdigit() for letter in each.why.replace("140 characters", "")), each.name
        assert each.kind != "numeric" or list(each.bins) == sorted(set(each.bins)), each.name


def test_page_and_pictures_hold_every_quantity_and_no_text(found, tmp_path, monkeypatch, texts):
    described, by_name, _ = found
    complete = (described, list(by_name.values()), [])
    monkeypatch.setattr("benchmarks.believable.__main__.compare_all", lambda *arguments: complete)
    chosen = ["--landing", "anywhere", "--docs", str(tmp_path), "--write-docs"]
    assert main(chosen) == 0
    page = (tmp_path / "simulated-company-measured.md").read_text(encoding="utf-8")
    expected = [each for each in shapes.quantities(SETS) if each.area != "activity"]
    assert [each.name for each in expected if each.title not in page or each.why not in page] == []
    assert "Twin, 200 customers, 25 months (2023-12 to 2025-12), seed 11" in page
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert [file.name for file in pictures] == [
        "simulated-bookings.svg",
        "simulated-rhythm.svg",
        "simulated-texts.svg",
    ]
    for file in pictures:
        drawn = file.read_text(encoding="utf-8")
        assert "<title" in drawn
        assert 'role="img"' in drawn
        assert f"pictures/{file.name}" in page
    everything = page + "".join(file.read_text(encoding="utf-8") for file in pictures)
    assert [text for text in texts if text in everything] == []


def test_a_set_that_is_not_there_is_skipped_aloud_and_never_written_down(landing, data, tmp_path, capsys):
    chosen = ["--landing", str(landing), "--data", str(tmp_path), "--docs", str(tmp_path / "docs")]
    assert main(chosen) == 2  # none at all
    (tmp_path / "hi_guides").symlink_to(data / "hi_guides")
    assert main(chosen) == 0
    said = capsys.readouterr()
    assert "hotel_bookings: not in" in said.err
    assert "Lead time" not in said.out
    assert main([*chosen, "--write-docs"]) == 2
    assert not (tmp_path / "docs").exists()


def test_a_folder_that_is_no_landing_folder_is_refused(data, tmp_path, capsys):
    assert main(["--landing", str(tmp_path), "--data", str(data)]) == 2
    assert "has no customers" in capsys.readouterr().err
