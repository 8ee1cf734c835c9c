"""The definitions, told as the stories of a few customers and read from the built marts."""

from datetime import date, timedelta

import pytest

from roundtrip.build import build_warehouse
from roundtrip.company import Company
from roundtrip.home import Home
from tests.warehouse_fixture import booking, connect_raw, create_raw, customer, dump, insert

AS_OF = date(2025, 2, 28)


def every(customer_id: str, first: date, days: int, until: date, **more) -> list[dict]:
    """Bookings of one customer at a fixed distance of days."""
    count = (until - first).days // days + 1
    return [
        booking(
            f"{customer_id}{first:%y%m}{i}", customer_id, (first + timedelta(i * days)).isoformat(), **more
        )
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Home, dict]:
    home = Home(tmp_path_factory.mktemp("stories"))
    create_raw(home)
    insert(
        home,
        "customers",
        [
            customer("family", "2020-01-05"),
            customer("business", "2023-01-01"),
            customer("once", "2024-12-01"),
            customer("switcher", "2022-01-01"),
            customer("returner", "2022-01-01"),
            customer("canceller", "2024-05-01"),
            customer("leaper", "2024-02-01"),
            customer("double", "2024-11-30"),
            customer("backdated", "2024-06-10"),
            customer("betrayed", "2023-01-01"),
            customer("looker", "2024-12-31"),
            customer("agency", "2023-01-01"),
            customer("abroad", "2024-08-15"),
            customer("planner", "2024-10-01"),
            customer("walked_in", "2024-10-01"),
        ],
    )
    insert(
        home,
        "bookings",
        [
            *(booking(f"june{year}", "family", f"{year}-06-12", "package") for year in range(2020, 2025)),
            *every("business", date(2023, 1, 2), 14, date(2024, 3, 4)),
            booking("first", "once", "2024-12-20", "hotel"),
            *every("switcher", date(2022, 1, 10), 60, date(2023, 10, 10)),
            *every("switcher", date(2022, 2, 10), 60, date(2025, 1, 31), service_line="hotel"),
            *every("returner", date(2022, 1, 10), 60, date(2022, 12, 31), service_line="hotel"),
            booking("again", "returner", "2024-11-05", "hotel"),
            booking(
                "off", "canceller", "2024-05-10", status="cancelled_by_customer", cancelled_at="2024-07-05"
            ),
            booking("leap", "leaper", "2024-02-29"),
            booking("out", "double", "2024-12-01 09:00:00"),
            booking("stay", "double", "2024-12-01 21:00:00", "hotel"),
            booking("early", "backdated", "2024-05-20"),
            *every("betrayed", date(2023, 1, 2), 14, date(2024, 3, 4)),
            booking(
                "broken", "betrayed", "2024-03-05", status="cancelled_by_supplier", cancelled_at="2024-03-20"
            ),
            booking("orphan", "nobody", "2024-01-01"),
            booking("at_home", "abroad", "2024-08-31"),
            booking("in_october", "abroad", "2024-10-31 23:59:59", currency="USD", gross_amount=100),
            booking("in_december", "abroad", "2024-12-30", currency="USD", gross_amount=100),
            booking("in_francs", "abroad", "2024-12-30", currency="CHF", gross_amount=100),
            booking("to_come", "planner", "2025-03-01"),
            booking("written_down_later", "walked_in", "2024-10-10", travel_start="2024-10-07"),
            booking("ahead", "walked_in", "2024-12-09", travel_start="2024-12-19"),
        ],
    )
    with connect_raw(home) as raw:
        # About 137 rooms a day, from one account, up to the end.
        raw.execute(
            "INSERT INTO bookings BY NAME SELECT 'room' || i AS booking_id, 'agency' AS customer_id, "
            "TIMESTAMP '2023-03-01' + INTERVAL (i % 730) DAY + INTERVAL (i % 86400) SECOND AS booked_at, "
            "'hotel' AS service_line, 'completed' AS status, 100 AS gross_amount, 'EUR' AS currency "
            "FROM range(100000) t(i)"
        )
    rates = [
        {"currency": "USD", "valid_from": "2024-01-01", "rate": "0.90000000"},
        {"currency": "USD", "valid_from": "2024-11-01", "rate": "0.80000000"},
    ]
    Company("stories", "", settings={"reporting_currency": "EUR", "exchange_rates": rates}).save(home)
    return home, build_warehouse(home, AS_OF)


def months(built, columns: str, customer_id: str, as_of: str) -> tuple:
    home, _ = built
    (row,) = dump(
        home.work_db,
        f"SELECT {columns} FROM marts.fct_customer_months "
        f"WHERE customer_id = '{customer_id}' AND as_of_date = DATE '{as_of}'",
    )
    return row


def test_a_family_that_books_each_june_is_not_lost_in_february(built):
    stage, days, overdue = months(
        built, "lifecycle_stage, days_since_last_booking, overdue_ratio", "family", "2025-02-28"
    )
    assert (stage, days) == ("maturity", 261)
    assert overdue < 1


def test_a_business_traveller_who_stops_is_lost_after_half_a_year(built):
    home, _ = built
    assert months(built, "lifecycle_stage, typical_gap_days", "business", "2024-07-31") == ("decline", 30)
    assert months(built, "lifecycle_stage, churn_severity", "business", "2024-08-31") == ("lost", "severe")
    losses = dump(
        home.work_db,
        "SELECT churned_on, initiative, value_tier, cause, evidence, value_lost FROM marts.fct_churn "
        "WHERE customer_id = 'business' AND severity = 'severe'",
    )
    # The 26 bookings of the year up to March 2024, 100 EUR each.
    assert losses == [(date(2024, 8, 31), "voluntary", "high", "unknown", None, 2600)]


def test_a_supplier_cancellation_makes_the_loss_involuntary(built):
    home, _ = built
    (row,) = dump(
        home.work_db,
        "SELECT initiative, cause, cause_confidence, evidence FROM marts.fct_churn "
        "WHERE customer_id = 'betrayed' AND severity = 'severe'",
    )
    assert row == (
        "involuntary",
        "service_quality",
        0.5,
        "2024-03-20 flight booking cancelled by the supplier",
    )


def test_a_one_time_buyer_is_introduced_and_waits_for_the_rhythm_of_similar_customers(built):
    stage, status, gap = months(
        built, "lifecycle_stage, activity_status, typical_gap_days", "once", "2025-02-28"
    )
    assert (stage, status) == ("introduction", "new")
    assert 60 < gap < 365


def test_who_drops_flights_but_keeps_hotels_is_moderate(built):
    assert months(built, "lifecycle_stage, churn_severity", "switcher", "2024-08-31") == ("maturity", None)
    stage, severity, cause = months(
        built, "lifecycle_stage, churn_severity, churn_cause", "switcher", "2024-09-30"
    )
    assert (stage, severity, cause) == ("decline", "moderate", "need_change")


def test_a_booking_after_being_lost_starts_a_marked_cycle(built):
    home, _ = built
    assert months(built, "lifecycle_stage, is_reactivated", "returner", "2024-10-31") == ("lost", False)
    stage, marked = months(built, "lifecycle_stage, is_reactivated", "returner", "2024-11-30")
    assert stage not in ("lost", "prospect")
    assert marked
    changes = dump(
        home.work_db,
        "SELECT changed_on, from_stage, to_stage FROM marts.fct_lifecycle_changes "
        "WHERE customer_id = 'returner' AND 'lost' IN (from_stage, to_stage) ORDER BY 1",
    )
    assert [change[1:] for change in changes] == [("decline", "lost"), ("lost", stage)]


def test_a_booking_cancelled_later_counts_as_it_stood(built):
    assert months(built, "lifecycle_stage, bookings_12m", "canceller", "2024-06-30") == ("introduction", 1)
    assert months(built, "lifecycle_stage, bookings_12m", "canceller", "2024-07-31") == ("prospect", 0)


def test_the_leap_day_belongs_to_one_year(built):
    assert months(built, "bookings_12m", "leaper", "2024-02-29") == (1,)
    assert months(built, "bookings_12m", "leaper", "2025-01-31") == (1,)
    assert months(built, "bookings_12m, days_since_last_booking", "leaper", "2025-02-28") == (0, 365)


def test_two_bookings_on_one_day_are_one_occasion(built):
    home, _ = built
    assert months(built, "lifecycle_stage, purchase_occasions, bookings_12m", "double", "2024-12-31") == (
        "introduction",
        1,
        2,
    )
    repeats = dump(home.work_db, "SELECT is_repeat FROM marts.fct_bookings WHERE customer_id = 'double'")
    assert repeats == [(False,), (False,)]


def test_a_customer_is_known_from_the_first_booking_on(built):
    home, _ = built
    (first,) = dump(
        home.work_db,
        "SELECT min(as_of_date) FROM marts.fct_customer_months WHERE customer_id = 'backdated'",
    )
    assert first == (date(2024, 5, 31),)
    assert dump(
        home.work_db, "SELECT count(*) FROM marts.fct_customer_months WHERE customer_id = 'looker'"
    ) == [(3,)]


def test_orphans_are_left_out_and_counted(built):
    home, summary = built
    assert summary["warnings"]["orphan_bookings_are_dropped"] == 1
    assert dump(home.work_db, "SELECT count(*) FROM marts.fct_bookings WHERE booking_id = 'orphan'") == [(0,)]


def test_churn_rate_is_of_those_at_risk_when_the_month_began(built):
    home, _ = built
    (row,) = dump(
        home.work_db,
        "SELECT numerator, denominator FROM marts.kpi_months "
        "WHERE month = '2024-08-01' AND segment_kind = 'all' AND indicator = 'churn_rate'",
    )
    # At risk on 31 July: family, business, switcher, leaper, backdated, betrayed, agency. A single flight
    # is lost as early as its like who stopped after fortnights of them: business, betrayed and leaper go.
    assert row == (3, 7)


def test_a_churn_is_told_when_it_begins(built):
    home, _ = built
    events = dump(
        home.work_db,
        "SELECT churned_on, severity, cause, value_tier, value_lost FROM marts.fct_churn "
        "WHERE customer_id = 'switcher'",
    )
    # Six flights and six hotels in the year up to September 2023, one and six in the next: 500 EUR less.
    assert [event[:3] for event in events] == [(date(2024, 9, 30), "moderate", "need_change")]
    assert events[0][3] == "high"
    assert events[0][4] == 500


def test_a_corporate_account_is_told_apart_and_is_nobodys_example(built):
    home, _ = built
    (bookings, is_high_volume, value) = dump(
        home.work_db,
        "SELECT bookings, is_high_volume, lifetime_value FROM marts.dim_customers "
        "WHERE customer_id = 'agency'",
    )[0]
    assert (bookings, is_high_volume, value) == (100_000, True, 10_000_000)
    assert months(built, "purchase_occasions, typical_gap_days", "agency", "2025-01-31") == (703, 30)
    assert dump(home.work_db, "SELECT count(*) FROM marts.dim_customers WHERE is_high_volume") == [(1,)]
    # Its money is revenue, but no example of what a customer is worth.
    figures = dict(
        dump(
            home.work_db,
            "SELECT indicator, value FROM marts.kpi_months WHERE month = '2025-01-01' "
            "AND segment_kind = 'all' AND indicator IN ('revenue', 'customer_lifetime_value')",
        )
    )
    assert figures["revenue"] > 400_000
    assert figures["customer_lifetime_value"] < 10_000


def test_foreign_money_is_worth_what_it_was_on_its_day(built):
    home, summary = built
    values = dump(
        home.work_db,
        "SELECT booking_id, net_amount, net_value FROM marts.fct_bookings "
        "WHERE customer_id = 'abroad' ORDER BY 1",
    )
    assert [(name, float(amount), value and float(value)) for name, amount, value in values] == [
        ("at_home", 100, 100),
        ("in_december", 100, 80),
        ("in_francs", 100, None),
        ("in_october", 100, 90),
    ]
    assert months(built, "bookings_12m, value_12m", "abroad", "2024-12-31") == (4, 270)
    assert dump(
        home.work_db, "SELECT bookings_in_other_currencies, reporting_currency FROM marts.warehouse_info"
    ) == [(1, "EUR")]
    assert summary["warnings"]["bookings_in_other_currencies_have_no_value"] == 1


def test_what_is_booked_tomorrow_is_not_known_today(built):
    home, _ = built
    assert months(built, "lifecycle_stage, bookings_12m", "planner", "2025-02-28") == ("prospect", 0)
    assert dump(home.work_db, "SELECT * FROM marts.fct_bookings WHERE booking_id = 'to_come'") == []


def test_a_trip_written_down_after_it_began_says_nothing_of_planning_ahead(built):
    home, _ = built
    leads = dump(
        home.work_db,
        "SELECT lead_days FROM marts.fct_bookings WHERE customer_id = 'walked_in' ORDER BY booked_at",
    )
    assert leads == [(-3,), (10,)]
    (mean,) = dump(
        home.work_db,
        "SELECT average_lead_days FROM marts.customer_features "
        "WHERE customer_id = 'walked_in' AND as_of_date = '2025-02-28'",
    )[0]
    assert mean == 10


#: Every indicator of the definitions, by its name in kpi_months.
INDICATORS = {
    *("customers", "active_customers", "churn_rate", "retention_rate", "repeat_purchase_rate"),
    *("retention_period_months", "satisfaction", "servqual_gap", "nps", "complaint_rate"),
    *("first_response_hours", "referral_rate", "revenue", "margin", "customer_lifetime_value", "churn_cost"),
    *("win_back_rate", "campaign_conversion_rate", "campaign_response_rate"),
    *(f"churn_rate_severity_{severity}" for severity in ("light", "moderate", "severe")),
    *(f"churn_rate_initiative_{initiative}" for initiative in ("voluntary", "involuntary")),
    *(f"churn_rate_value_{tier}" for tier in ("high", "ordinary", "low")),
    *(
        f"churn_rate_cause_{cause}"
        for cause in ("service_quality", "price", "competition", "need_change", "unknown")
    ),
}


def test_every_indicator_is_told_or_its_absence_is(built):
    home, _ = built
    told = "SELECT month, segment_kind, segment, indicator FROM marts.kpi_months"
    untold = "SELECT month, segment_kind, segment, indicator FROM marts.kpi_gaps"
    both = f"SELECT * FROM ({told} UNION ALL {untold}) WHERE segment_kind <> 'channel'"
    lists = dump(
        home.work_db,
        f"SELECT DISTINCT list(indicator ORDER BY indicator) FROM ({both}) "
        "GROUP BY month, segment_kind, segment",
    )
    assert lists == [(sorted(INDICATORS),)]
    reasons = dict(
        dump(
            home.work_db,
            "SELECT indicator, reason FROM marts.kpi_gaps "
            "WHERE month = '2025-01-01' AND segment_kind = 'all'",
        )
    )
    assert reasons["satisfaction"] == "no_surveys"
    assert reasons["margin"] == "no_margins"
    assert reasons["referral_rate"] == "no_origins"
    assert reasons["campaign_conversion_rate"] == "no_campaigns"
    assert "revenue" not in reasons
    kinds = dump(home.work_db, f"SELECT DISTINCT segment_kind FROM ({both}) ORDER BY 1")
    assert {kind for (kind,) in kinds} == {
        *("all", "country", "acquisition_channel", "value_tier", "service_line", "cohort", "need_segment")
    }
