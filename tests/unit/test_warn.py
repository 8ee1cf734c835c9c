"""Stories of warnings: who is warned about, in which words, by which channel, and what becomes of it."""

from datetime import date, timedelta

import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.warn import warn
from roundtrip.warn.settings import Rules, parameters, words
from tests.warn_fixture import customer, granted, intervene, publish, read, signal

DAY = date(2024, 6, 30)


@pytest.fixture
def everybody(home):
    """A company that may warn about all its customers."""
    Company("acme", "/nowhere", settings={"warnings": {"max_share_per_month": 1}}).save(home)
    return home


def later(days: int) -> date:
    return DAY + timedelta(days)


def warned(home, as_of=DAY) -> list[str]:
    rows = read(home, "warnings", as_of)
    return sorted(rows.loc[rows["raised_on"] == as_of, "customer_id"])


def only(home, as_of=DAY):
    rows = read(home, "warnings", as_of)
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_warning_says_what_was_seen_why_what_it_is_worth_and_what_to_do(everybody):
    signals = [
        signal(),
        signal(signal="complaints_rising", severity=2, observed=1, usual=0.05, unit="complaints"),
    ]
    publish(everybody, DAY, [customer()], signals, [granted(purpose="phone")])
    summary = warn(everybody, DAY)
    row = only(everybody)
    assert (summary["raised"], summary["open"], summary["value_at_risk"]) == (1, 1, 1000.0)
    assert row["signals"] == "complaints_rising,web_falling"
    assert (
        row["signals_en"]
        == "1 complaint in 90 days, usually 0.05; 2 web or app events in 90 days, usually 15"
    )
    assert row["signals_zh"] == "近 90 天投诉 1 次,通常 0.05 次;近 90 天线上行为 2 次,通常 15 次"
    assert (row["reasons"], row["reasons_zh"]) == ("Raises the risk: silence", "风险升高:沉默")
    assert (row["cause"], row["cause_confidence"]) == ("service_quality", 0.3)
    # 1,000 are expected although one half leaves, so 2,000 if they stay, times one half.
    assert row["value_at_risk"] == 1000
    assert row["severity"] == 3, "two signals are more serious than the gravest of them"
    assert row["action"] == "service_recovery"
    assert row["channel"] == "phone"
    assert row["due_on"] > DAY
    assert (row["status"], row["status_on"], row["raised_on"]) == ("open", DAY, DAY)


@pytest.mark.parametrize(
    "changes",
    [
        {"lifecycle_stage": "prospect", "churn_probability": None},
        {"lifecycle_stage": "lost", "churn_probability": None},
        {"is_high_volume": True},
        {"may_be_profiled": False},
        {"churn_probability": 0.29},
    ],
)
def test_who_is_not_warned_about(everybody, changes):
    publish(everybody, DAY, [customer("told"), customer(**changes)], [signal("told"), signal()])
    warn(everybody, DAY)
    assert warned(everybody) == ["told"]


def test_without_a_signal_only_high_risk_is_told_and_says_so(everybody):
    publish(everybody, DAY, [customer("high", churn_probability=0.6, risk_band="high"), customer("medium")])
    warn(everybody, DAY)
    row = only(everybody)
    assert (row["customer_id"], row["signals"], row["severity"]) == ("high", "high_risk", 1)
    assert row["signals_en"] == "no signal, but a churn probability of 60 %"
    assert (row["cause"], row["cause_confidence"] != row["cause_confidence"]) == ("unknown", True)


def test_no_channel_without_consent_and_why(everybody):
    people = [customer("never"), customer("withdrawn"), customer("yes")]
    refused = [
        granted("withdrawn", purpose, False) for purpose in ("phone", "wechat", "email", "sms", "push")
    ]
    Company(
        "acme",
        "/nowhere",
        settings={
            "warnings": {"max_share_per_month": 1},
            "retention": {"without_consent_answer": "leave_out"},
        },
    ).save(everybody)
    publish(everybody, DAY, people, [signal(p["customer_id"]) for p in people], [*refused, granted("yes")])
    assert warn(everybody, DAY)["without_channel"] == 2
    rows = (
        read(everybody, "warnings", DAY)
        .set_index("customer_id")
        .fillna({"channel": "", "channel_missing": ""})
    )
    assert rows["channel"].to_dict() == {"never": "", "withdrawn": "", "yes": "wechat"}
    missing = {"never": "no_open_channel", "withdrawn": "no_open_channel", "yes": ""}
    assert rows["channel_missing"].to_dict() == missing


def test_one_silence_is_told_once(everybody):
    publish(everybody, DAY, [customer()], [signal()])
    warn(everybody, DAY)
    publish(everybody, later(30), [customer()], [signal()])
    assert warn(everybody, later(30))["cooling_down"] == 1
    assert warned(everybody, later(30)) == []


@pytest.mark.parametrize("news", [signal(signal="complaints_rising", unit="complaints"), signal(severity=2)])
def test_a_signal_of_another_kind_or_a_higher_severity_is_told_at_once(everybody, news):
    # Others, so that the rate leaves a place in the same month.
    people = [customer(), *(customer(name, churn_probability=0.1) for name in "xyz")]
    publish(everybody, DAY, people, [signal()])
    warn(everybody, DAY)
    publish(everybody, later(1), people, [news])
    warn(everybody, later(1))
    rows = read(everybody, "warnings", later(1)).set_index("raised_on")
    assert rows["status"].to_dict() == {DAY: "superseded", later(1): "open"}
    assert sorted(read(everybody, "warning_history", later(1))["to_status"]) == ["open", "open", "superseded"]
    # A day later it is news no more.
    publish(everybody, later(2), people, [news])
    assert warn(everybody, later(2))["raised"] == 0


def test_after_the_cool_down_the_same_may_be_told_again(everybody):
    publish(everybody, DAY, [customer()], [signal()])
    warn(everybody, DAY)
    publish(everybody, later(60), [customer()], [signal()])
    warn(everybody, later(60))
    rows = read(everybody, "warnings", later(60)).set_index("raised_on")
    assert rows["status"].to_dict() == {DAY: "expired", later(60): "open"}


def test_with_more_at_risk_than_the_rate_allows_the_most_valuable_are_told(home):
    Company("acme", "/nowhere", settings={"warnings": {"max_share_per_month": 0.5}}).save(home)
    people = [
        customer(name, expected_value_12m=value) for name, value in zip("abcd", (5, 30, 10, 20), strict=True)
    ]
    signals = [signal(name) for name in "abcd"]
    publish(home, DAY, people, signals)
    summary = warn(home, DAY)
    assert warned(home) == ["b", "d"]
    assert (summary["allowed"], summary["held_back"], summary["raised"]) == (2, 2, 2)
    assert "2 more customers are at risk" in summary["messages"][0]
    publish(home, later(27), people, signals)
    assert warn(home, later(27))["raised"] == 0, "the month is not over"
    publish(home, later(28), people, signals)
    warn(home, later(28))
    assert warned(home, later(28)) == ["a", "c"]


def test_a_signal_that_says_what_the_score_knows_raises_no_warning_alone(everybody):
    quiet = {"signal": "bookings_falling", "unit": "days", "observed": 166, "usual": 58, "window_days": None}
    people = [customer("medium"), customer("high", churn_probability=0.7, risk_band="high"), customer("both")]
    signals = [signal(name, **quiet) for name in ("medium", "high", "both")]
    publish(everybody, DAY, people, [*signals, signal("both")])
    warn(everybody, DAY)
    rows = read(everybody, "warnings", DAY).set_index("customer_id")
    assert rows["signals"].to_dict() == {"high": "bookings_falling", "both": "bookings_falling,web_falling"}
    assert rows.loc["high", "signals_en"] == "no booking for 166 days, usually every 58"


def test_without_prices_bookings_at_risk_decide(home):
    Company("acme", "/nowhere", settings={"warnings": {"max_share_per_month": 0.5}}).save(home)
    people = [
        customer(name, expected_value_12m=None, expected_bookings=n) for name, n in (("few", 1), ("many", 4))
    ]
    publish(home, DAY, people, [signal("few"), signal("many")])
    assert warn(home, DAY)["value_at_risk"] is None
    assert warned(home) == ["many"]


def test_no_warning_at_all_where_the_rate_is_zero(home):
    Company("acme", "/nowhere", settings={"warnings": {"max_share_per_month": 0}}).save(home)
    publish(home, DAY, [customer()], [signal()])
    assert warn(home, DAY)["held_back"] == 1
    assert read(home, "warnings", DAY).empty


@pytest.mark.parametrize(
    ("days", "now", "signals", "status"),
    [
        (10, {"last_booking_at": "2024-07-05"}, [signal()], "resolved_returned"),
        (10, {"lifecycle_stage": "lost", "churn_probability": None}, [], "lost"),
        (10, {"may_be_profiled": False}, [signal()], "withdrawn"),
        (14, {"risk_band": "low", "churn_probability": 0.1}, [], "resolved_recovered"),
        (13, {"risk_band": "low", "churn_probability": 0.1}, [], "open"),
        (44, {}, [signal()], "open"),
        (45, {}, [signal()], "expired"),
    ],
)
def test_a_warning_ends_by_what_is_seen(everybody, days, now, signals, status):
    publish(everybody, DAY, [customer()], [signal()])
    warn(everybody, DAY)
    publish(everybody, later(days), [customer(**now)], signals)
    warn(everybody, later(days))
    assert only(everybody, later(days))["status"] == status
    history = read(everybody, "warning_history", later(days))
    assert list(history["to_status"]) == (["open"] if status == "open" else ["open", status])
    assert list(history["from_status"])[1:] == ([] if status == "open" else ["open"])
    assert history["reason"].notna().all()


def test_a_customer_who_is_gone_from_the_data_is_no_longer_followed(everybody):
    publish(everybody, DAY, [customer()], [signal()])
    warn(everybody, DAY)
    publish(everybody, later(1), [customer("other")])
    warn(everybody, later(1))
    assert only(everybody, later(1))["status"] == "withdrawn"


@pytest.mark.parametrize(
    ("arm", "said", "status"), [("treatment", "sent", "acted"), ("control", "held_out", "held_out")]
)
def test_an_action_or_a_place_in_the_control_group_is_followed_to_its_end(everybody, arm, said, status):
    publish(everybody, DAY, [customer()], [signal()])
    warn(everybody, DAY)
    acted = {"warning_id": only(everybody)["warning_id"], "arm": arm, "status": said, "sent_at": "2024-07-01"}
    intervene(everybody, DAY, [acted])
    publish(everybody, later(31), [customer()], [signal()])
    warn(everybody, later(31))
    assert only(everybody, later(31))["status"] == status
    publish(everybody, later(179), [customer()], [signal()])
    warn(everybody, later(179))
    assert only(everybody, later(179))["status"] == status, "and no second warning while it is followed"
    publish(everybody, later(180), [customer()])
    warn(everybody, later(180))
    assert list(read(everybody, "warning_history", later(180))["to_status"]) == ["open", status, "expired"]


def test_what_was_only_proposed_leaves_a_warning_open(everybody):
    publish(everybody, DAY, [customer()], [signal()])
    warn(everybody, DAY)
    row = {
        "warning_id": only(everybody)["warning_id"],
        "arm": "treatment",
        "status": "proposed",
        "sent_at": None,
    }
    intervene(everybody, DAY, [row])
    publish(everybody, later(1), [customer()], [signal()])
    warn(everybody, later(1))
    assert only(everybody, later(1))["status"] == "open"


def test_a_second_run_of_a_day_reads_what_the_first_one_read(everybody):
    publish(everybody, DAY, [customer()], [signal()])
    warn(everybody, DAY)
    files = [everybody.products_dir / table / f"{DAY}.parquet" for table in ("warnings", "warning_history")]
    first = [file.read_bytes() for file in files]
    # A round of the same day comes after the warnings: it is seen tomorrow.
    row = {"warning_id": only(everybody)["warning_id"], "arm": "treatment", "status": "sent", "sent_at": DAY}
    intervene(everybody, DAY, [row])
    warn(everybody, DAY)
    assert [file.read_bytes() for file in files] == first


def test_a_company_without_customers_or_signals_gets_empty_snapshots(home):
    publish(home, DAY, [])
    summary = warn(home, DAY)
    assert (summary["raised"], summary["current"]) == (0, 0)
    assert len(read(home, "warnings", DAY)) == len(read(home, "warning_history", DAY)) == 0


def test_a_warehouse_of_another_date_or_without_scores_is_refused(home):
    publish(home, DAY, [customer()])
    with pytest.raises(BadInput, match="as of 2024-06-30, not 2024-07-01"):
        warn(home, later(1))
    import duckdb

    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("DROP TABLE marts.customer_scores")
    with pytest.raises(BadInput, match="no customer_scores of 2024-06-30"):
        warn(home, DAY)


def test_every_signal_of_the_warehouse_has_its_words():
    import yaml

    from roundtrip.home import PROJECT_ROOT

    described = PROJECT_ROOT / "dbt_project" / "models" / "marts" / "customer_signals.yml"
    (model,) = yaml.safe_load(described.read_text(encoding="utf-8"))["models"]
    (column,) = (column for column in model["columns"] if column["name"] == "signal")
    (accepted,) = (test for test in column["data_tests"] if "accepted_values" in test)
    assert set(accepted["accepted_values"]["arguments"]["values"]) == set(words()["signals"])


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (5, "warnings is 5"),
        ({"rate": 1}, "unknown keys: rate"),
        ({"max_share_per_month": 1.5}, "max_share_per_month is 1.5"),
        ({"max_share_per_month": "much"}, "max_share_per_month is 'much'"),
        ({"max_share_per_month": float("nan")}, "max_share_per_month is nan"),
        ({"cool_down_days": 2.5}, "cool_down_days is 2.5"),
        ({"open_days": 0}, "open_days is 0"),
        ({"alone_from": True}, "alone_from is True"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(given, complaint):
    with pytest.raises(BadInput, match=complaint):
        Rules.of({"warnings": given})


def test_a_company_changes_what_it_names(tmp_path):
    (tmp_path / "company.yml").write_text("warnings: {max_share_per_month: 0.01}\n", encoding="utf-8")
    rules = Rules.of(Company.describe(tmp_path, None).settings)
    assert rules.max_share_per_month == 0.01
    assert rules.cool_down_days == parameters()["warnings"]["cool_down_days"]
    (tmp_path / "company.yml").write_text("warnings: {max_share: 0.01}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="max_share"):
        Company.describe(tmp_path, None)
