"""Cohorts, segments, moves and money are what the tables say; every section names its source."""

import re
from datetime import date

import pandas as pd
import pytest

from roundtrip import duck
from roundtrip.home import Home
from roundtrip.report import report
from roundtrip.report.facts import gather
from roundtrip.report.page import css_text, render
from roundtrip.report.segments import SEGMENTS
from roundtrip.report.words import LANGUAGES, Words
from tests.report_fixture import AS_OF, publish_by_hand


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> dict:
    home = Home(tmp_path_factory.mktemp("sections"))
    publish_by_hand(home, all_tables=True)
    facts = gather(home, AS_OF)
    with duck.connect(home.current_db, home.tmp_dir, read_only=True) as connection:
        months = connection.execute("FROM marts.fct_customer_months ORDER BY ALL").df()
    copies = {language: render(facts, Words(language), is_copy=True) for language in LANGUAGES}
    return {"facts": facts, "months": months, "home": home, "copies": copies}


def test_cohorts_are_those_of_the_customers(published):
    months = published["months"].assign(month=lambda rows: pd.to_datetime(rows["as_of_date"]))
    booked = months[months["lifecycle_stage"] != "prospect"]
    won_in = booked.groupby("customer_id")["month"].min().dt.to_period("Q")
    months = months.assign(won_in=months["customer_id"].map(won_in)).dropna(subset="won_in")
    rows = published["facts"].answers["cohort_retention"].rows
    assert len(rows) > 50
    for row in rows:
        cohort = months[months["won_in"] == pd.Period(row["won_in"], "Q")]
        at = pd.Period(row["won_in"], "Q") + row["quarters_since"]
        then = cohort[cohort["month"] == at.end_time.normalize()]
        current = ~then["lifecycle_stage"].isin(["prospect", "lost"])
        assert (row["customers"], row["current_customers"]) == (len(then), current.sum())
    # November: the quarter is not over, so the last one told of is the third.
    newest = max(pd.Period(row["won_in"], "Q") + row["quarters_since"] for row in rows)
    assert newest == pd.Period("2025Q3")
    # A quarter's row is told in the page with its share, in the colour of the share.
    page = published["copies"]["en"]
    first = next(row for row in rows if row["quarters_since"] == 4)
    level = min(int(first["share"] * 7), 6)
    assert f'<td class="n h{level}">{first["share"]:.0%}</td>' in page


def test_segments_are_those_of_the_last_month_end(published):
    rows = published["facts"].answers["segments"].by("segment")
    now = published["months"][pd.to_datetime(published["months"]["as_of_date"]).dt.date == AS_OF]
    counts = now["need_segment"].value_counts()
    assert {name: row["customers"] for name, row in rows.items()} == counts.to_dict()
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1)
    mean = now[now["need_segment"] == "loyal"]["value_12m"].mean()
    assert rows["loyal"]["mean_value_12m"] == pytest.approx(mean)
    # Twelve of 150 were lost; what was thirteen months ago is not counted. 30 said 5 and 10 said 3.
    assert rows["loyal"]["churn_rate"] == pytest.approx(12 / 150)
    assert rows["loyal"]["satisfaction"] == pytest.approx(4.5)
    assert rows["basic"]["churn_rate"] is None


def test_everybody_in_a_segment_comes_from_somewhere(published):
    moves = pd.DataFrame(published["facts"].answers["segment_moves"].rows)
    sizes = published["facts"].answers["segments"].by("segment")
    assert moves.groupby("to_segment")["customers"].sum().to_dict() == {
        name: row["customers"] for name, row in sizes.items()
    }
    months = published["months"].assign(day=lambda rows: pd.to_datetime(rows["as_of_date"]).dt.date)
    then, now = (
        months[months["day"] == day].set_index("customer_id")["need_segment"]
        for day in (date(2024, 11, 30), AS_OF)
    )
    pair = moves[(moves["from_segment"] == "loyal") & (moves["to_segment"] == "loyal")]
    stayed = (then.reindex(now.index) == "loyal") & (now == "loyal")
    assert pair["customers"].sum() == stayed.sum() > 0
    newcomers = moves[moves["from_segment"] == "none"]["customers"].sum()
    assert newcomers == (then.reindex(now.dropna().index).isna()).sum() > 0


def test_strategies_stand_beside_the_segments_that_they_are_for(published):
    told = published["facts"].segments
    assert set(told) == set(SEGMENTS)
    assert ("Points for those with room to grow", "points_bonus") in [
        (name["en"], action) for name, action in told["emerging_market"].made_for
    ]
    assert told["basic"].made_for == ()
    warned = sum(each.warned for each in told.values())
    rows = published["facts"].answers["segment_warnings"].rows
    assert warned == sum(row["customers"] for row in rows) > 0
    # A strategy that the table no longer has is told by its id.
    names = {each.most_recommended[0]["en"] for each in told.values() if each.most_recommended}
    assert names <= {"Care call to valued customers in doubt", "a_strategy_of_before"}


def test_moves_are_the_changes_of_three_month_ends(published):
    rows = published["facts"].answers["lifecycle_moves"].rows
    with duck.connect(published["home"].current_db, published["home"].tmp_dir, read_only=True) as connection:
        three, last = connection.execute(
            "SELECT count(*) FILTER (changed_on >= DATE '2025-09-30'), "
            "count(*) FILTER (changed_on = DATE '2025-11-30') FROM marts.fct_lifecycle_changes"
        ).fetchone()
    assert (sum(row["changes"] for row in rows), sum(row["changes_last_month"] for row in rows)) == (
        three,
        last,
    )
    assert f"{three:,} changes of stage" in published["copies"]["en"]


def test_money_is_what_was_booked_spent_and_measured(published):
    answers = published["facts"].answers
    revenue = answers["money_12m"].by("indicator")["revenue"]
    # 1,000 for each of 300 customers in the first month, and of six more each month.
    assert revenue["value"] == sum(1000 * (300 + 6 * i) for i in range(23, 35))
    assert revenue["value_before"] == sum(1000 * (300 + 6 * i) for i in range(11, 23))
    assert (revenue["months"], revenue["months_before"]) == (12, 12)
    assert answers["money_spent"].rows == [{"messages": 100, "rounds": 1, "cost": 960.0}]
    # Our own rounds where they are told; an action without a cost has no net value.
    assert [(row["action"], row["net_value"]) for row in answers["money_measured"].rows] == [
        ("content", 3920.0),
        ("discount", -1000.0),
    ]
    page = published["copies"]["en"]
    assert "our own rounds" in page
    assert "CNY -1.00k" in page


def test_only_checks_of_the_newest_delivery_count(published):
    assert published["facts"].answers["failed_checks"].rows == [
        {"table_name": "bookings", "failed_checks": 2, "checks": 9}
    ]
    assert published["facts"].steps[0].rule == "failed_checks"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_names_a_source_that_stands_in_the_page(published, language):
    page = published["copies"][language]
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    sections = re.findall(r'(?s)<section id="(\w+)"(.*?)</section>', page)
    assert len(sections) == 15
    for name, content in sections:
        if name == "sources":
            continue
        sources = re.findall(r'(?s)<p class="source">(.*?)</p>', content)
        assert sources, f"{name} names no source"
        for source in sources:
            links = re.findall(r'href="#([^"]+)"', source)
            assert set(links) <= ids
            assert links or re.search(r"rollout\.yml|champion\.json", source), f"{name}: {source}"
    # And the last one names the table behind each query.
    for answer in published["facts"].answers.values():
        (summary,) = re.findall(rf'(?s)id="source-{answer.name}">\s*<summary>(.*?)</summary>', page)
        assert answer.tables
        assert ", ".join(answer.tables) in summary


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_copy_names_no_customer_and_links_nowhere(published, language):
    page = published["copies"][language]
    assert not re.search(r"\bc\d{5}\b", page)
    assert not re.search(r'href="(?!#|data:,)', page)
    full = render(published["facts"], Words(language))
    assert len(set(re.findall(r"\bc\d{5}\b", full))) == 20


def test_reports_are_kept_by_month(home: Home, monkeypatch):
    monkeypatch.setenv("ROUNDTRIP_CHROMIUM", "")
    for day in (date(2025, 10, 31), date(2025, 11, 15), AS_OF):
        publish_by_hand(home, as_of=day, first_month=date(2025, 8, 31), has_scores=False, has_model=False)
        report(home, day)
    index = (home.reports_dir / "index.html").read_text(encoding="utf-8")
    months = re.findall(r'(?s)<h2 class="month" id="(m[\d-]+)">(.*?)</h2>(.*?)</ul>', index)
    assert [name for name, *_ in months] == ["m2025-11", "m2025-10"]
    assert "November 2025" in months[0][1]
    assert "2025年11月" in months[0][1]
    days = [re.findall(r'href="([\d-]+)\.zh\.html"', content) for *_, content in months]
    assert days == [["2025-11-30", "2025-11-15"], ["2025-10-31"]]
    assert '.pdf"' not in index


def test_a_company_of_three_months_is_told_what_is_missing(home: Home):
    publish_by_hand(
        home, first_month=date(2025, 9, 30), has_prices=False, has_optional=False, all_tables=True
    )
    page = render(gather(home, AS_OF), Words("en"))
    sections = dict(re.findall(r'(?s)<section id="(\w+)"(.*?)</section>', page))
    assert "nobody was in a segment a year ago" in sections["segments"]
    assert "the company delivers no prices" in sections["money"]
    assert "<svg" not in sections["money"]
    assert 'data-label="Monthly churn"' in sections["segments"]
    assert 'data-label="Satisfaction"' not in sections["segments"]
    assert 'data-label="Value a customer"' not in sections["segments"]
    publish_by_hand(home, first_month=AS_OF)
    sections = dict(
        re.findall(r'(?s)<section id="(\w+)"(.*?)</section>', render(gather(home, AS_OF), Words("en")))
    )
    assert "no quarter has ended since" in sections["cohorts"]
    assert "nobody has changed stage" in sections["lifecycle"]


def test_a_name_cannot_leave_the_foot_of_a_printed_page():
    assert css_text("Meridian 旅行") == "Meridian 旅行"
    assert css_text('"}</style>\n') == "\\22 \\7d \\3c \\2f style\\3e \\a "
