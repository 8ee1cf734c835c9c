"""The report's pages: what they say, what they never say, and that a rerun leaves the same bytes."""

import html
import json
import re
import string
from datetime import date
from pathlib import Path

import pytest

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.report import report
from roundtrip.report.answers import QUERIES_DIR
from roundtrip.report.facts import QUERIES, gather
from roundtrip.report.page import render
from roundtrip.report.words import LANGUAGES, Words, load_texts
from tests.report_fixture import AS_OF, publish_by_hand

#: Companies of every kind the report must cope with.
CASES = {
    "everything": {"all_tables": True},
    "no prices, no start": {
        "has_prices": False,
        "plan_starts_on": None,
        "names_months_by_first_day": True,
    },
    "nothing optional": {"has_prices": False, "has_optional": False, "has_scores": False, "has_model": False},
    "four months, plan ahead": {
        "first_month": date(2025, 8, 31),
        "plan_starts_on": "2026-01-01",
        "model_status": "too_little_data",
    },
    "one month": {"first_month": AS_OF, "plan_starts_on": "2025-09-15", "model_status": "refused"},
    "no month yet": {"is_empty": True, "has_model": False, "plan_starts_on": "2024-01-01"},
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> dict[str, dict]:
    """Each case's home, facts, pages by language and texts used."""
    found = {}
    for name, settings in CASES.items():
        home = Home(tmp_path_factory.mktemp("case"))
        publish_by_hand(home, **settings)
        facts = gather(home, AS_OF)
        words = {language: Words(language) for language in LANGUAGES}
        pages = {language: render(facts, words[language]) for language in LANGUAGES}
        found[name] = {
            "home": home,
            "facts": facts,
            "pages": pages,
            "used": words["en"].used | words["zh"].used,
        }
    return found


def _visible(page: str) -> str:
    """What a reader sees, without style, script and the SQL of the appendix."""
    page = re.sub(r"(?s)<(style|script|pre)\b.*?</\1>", " ", page)
    labels = " ".join(re.findall(r'(?:aria-label|data-label|title)="([^"]*)"', page))
    return html.unescape(re.sub(r"<[^>]+>", " ", page) + " " + labels)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gap_is_said_in_words_and_never_printed(cases, case, language):
    page = cases[case]["pages"][language]
    shown = _visible(page).replace("= NULL", "")
    assert not re.search(r"\b(NaN|None|null|NULL|nan|inf|undefined|Undefined)\b|\{\w*\}", shown)
    for picture in re.findall(r"(?s)<svg.*?</svg>", page):
        assert re.search(r'<path d="M[^"]*[LhH][^"]*" (?:fill|stroke)="var\(--', picture), "an empty chart"
        assert "NaN" not in picture


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_carries_everything_and_fetches_nothing(cases, language):
    page = cases["everything"]["pages"][language]
    assert not re.search(r'(?:src|href)="(?!#|data:,|index\.html|2025-11-30\.(?:en|zh)\.html)', page)
    assert "@import" not in page
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", page)
    assert "#00fe" not in page, "a stand-in colour was left in a picture"
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


@pytest.mark.parametrize("case", CASES)
def test_every_picture_has_a_name(cases, case):
    page = cases[case]["pages"]["zh"]
    pictures = re.findall(r"<svg[^>]*>", page)
    named = re.findall(r'<svg[^>]*role="img" aria-labelledby="([^"]+)"><title id="\1">[^<]+</title>', page)
    assert len(named) == len(pictures)


def test_headline_numbers_are_those_of_the_table(cases):
    home, facts = cases["everything"]["home"], cases["everything"]["facts"]
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    in_table = dict(
        connection.execute(
            "SELECT indicator, value FROM marts.kpi_months WHERE month = ? AND segment_kind = 'all'",
            [AS_OF],
        ).fetchall()
    )
    revenue = connection.execute(
        "SELECT sum(value) FROM marts.kpi_months WHERE indicator = 'revenue' AND month > DATE '2024-11-30'"
    ).fetchone()[0]
    high, at_risk = connection.execute(
        "SELECT count(*), sum(churn_probability / (1 - churn_probability) * lifetime_value) "
        "FROM marts.customer_scores WHERE risk_band = 'high'"
    ).fetchone()
    connection.close()
    tiles = {tile.name: tile for tile in facts.tiles}
    for name in ("customers", "active_customers", "churn_rate", "retention_rate", "repeat_purchase_rate"):
        assert tiles[name].value == in_table[name]
    assert len(facts.answers["headline"].rows) == len(in_table), "rows of a segment among those of all"
    assert tiles["churn_rate"].small["of"] == (8, 504)
    assert tiles["churn_rate"].small["year_before"] == pytest.approx(10 / 432)
    assert tiles["revenue_12m"].value == revenue
    assert tiles["high_risk"].value == high
    assert tiles["value_at_risk"].value == pytest.approx(float(at_risk))
    assert tiles["model_auc"].value == 0.7412
    assert "1.59%" in cases["everything"]["pages"]["en"]


def test_it_does_not_matter_which_day_names_a_month(cases):
    """kpi_months may name a month by its first or its last day."""
    by_last, by_first = (cases[name]["facts"] for name in ("everything", "no prices, no start"))
    for name in ("headline", "churn_by_month"):
        months = [row["month"] for row in by_first.answers[name].rows]
        assert months == [row["month"] for row in by_last.answers[name].rows]
    assert by_first.tiles[2] == by_last.tiles[2]


def test_what_is_not_available_names_its_reason(cases):
    why = {name: {t.name: t.why for t in case["facts"].tiles} for name, case in cases.items()}
    assert set(why["everything"].values()) == {None}
    assert why["no prices, no start"]["revenue_12m"] == "no_prices"
    assert why["no prices, no start"]["value_at_risk"] == "no_prices"
    assert why["nothing optional"]["high_risk"] == "no_table"
    assert why["nothing optional"]["model_auc"] == "no_model"
    assert why["no month yet"]["customers"] == "no_months"
    page = cases["nothing optional"]["pages"]["zh"]
    assert "暂无数据" in page
    assert "该企业未提供价格" in page


def test_without_prices_customers_are_ranked_by_bookings_at_stake(cases):
    rows = cases["no prices, no start"]["facts"].answers["most_at_stake"].rows
    at_stake = [row["bookings_at_stake"] for row in rows]
    assert len(rows) == 20
    assert at_stake == sorted(at_stake, reverse=True)
    assert all(row["value_at_stake"] is None for row in rows)


def test_the_target_band_waits_for_a_baseline(cases):
    assert cases["no prices, no start"]["facts"].churn_band is None
    assert cases["four months, plan ahead"]["facts"].churn_band is None
    facts = cases["everything"]["facts"]
    baseline = next(t.baseline for t in facts.targets if t.target.indicator == "churn_rate")
    months = range(19, 31)  # August 2024 to July 2025, the twelve months to the end of the assessment
    left = sum(8 - i // 8 + (4 if (i % 12) + 1 in (1, 2, 11) else 0) for i in months)
    assert baseline == pytest.approx(left / sum(300 + 6 * i for i in months))
    assert facts.churn_band == pytest.approx((baseline * 0.8, baseline * 0.9))
    assert "var(--band)" in cases["everything"]["pages"]["en"].split("<main>")[1]
    assert "var(--band)" not in cases["no prices, no start"]["pages"]["en"].split("<main>")[1]


def test_the_appendix_shows_the_sql_that_ran(cases):
    facts, page = cases["everything"]["facts"], cases["everything"]["pages"]["en"]
    shown = [html.unescape(sql) for sql in re.findall(r"(?s)<pre[^>]*><code>(.*?)</code></pre>", page)]
    assert shown == [facts.answers[name].sql for name in QUERIES]
    assert {file.stem for file in QUERIES_DIR.glob("*.sql")} == set(QUERIES), "a query that nobody asks"
    home = cases["everything"]["home"]
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    for sql, name in zip(shown, QUERIES, strict=True):
        again = connection.execute(sql, facts.answers[name].parameters or None).fetchall()
        assert [tuple(row.values()) for row in facts.answers[name].rows] == again
    connection.close()


def test_customers_appear_in_the_top_table_with_their_reasons(cases):
    page = cases["everything"]["pages"]
    assert len(re.findall(r'class="id" data-label="Customer"', page["en"])) == 20
    assert "A complaint in the last year is unresolved" in page["en"]
    assert "近一年有未解决的投诉" in page["zh"]
    assert "近一年有未解决的投诉" not in page["en"]


def test_both_languages_have_the_same_texts_with_the_same_values():
    en, zh = (load_texts(language) for language in LANGUAGES)
    assert set(en) == set(zh)

    def values(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert {key for key in en if values(en[key]) != values(zh[key])} == set()
    assert [key for key in en if not en[key] or not zh[key]] == []


def test_indicators_without_a_number_are_named_with_their_reason(cases):
    full, bare = cases["everything"], cases["nothing optional"]
    assert full["facts"].missing_indicators == {}
    assert bare["facts"].missing_indicators["median_not_reached"] == ("retention_period_months",)
    # The whole is missing, so its parts are not counted up; prices are told as a source already.
    assert "churn_rate_severity_light" not in bare["facts"].missing_indicators["no_cases"]
    assert "no_prices" not in bare["facts"].missing_indicators
    english, chinese = (_visible(bare["pages"][language]) for language in LANGUAGES)
    assert "Without a number in the latest month: retention period." in english
    assert "1,234 bookings in a currency without an exchange rate" in english
    assert "最近一个月没有数值：毛利。" in chinese
    assert "exchange rate" not in _visible(full["pages"]["en"])


def test_no_text_is_unused(cases, tmp_path):
    home = Home(tmp_path)
    publish_by_hand(home, plan_starts_on="2024-01-01")
    # A card without a baseline, and revenue that has just begun to fall far below or above the target.
    (home.mlflow_dir / "champion.json").write_text(json.dumps({"test_auc": 0.7, "model_version": "1"}))
    connection = duck.connect(home.current_db, home.tmp_dir)
    connection.execute(
        "UPDATE marts.kpi_months SET value = value * 9 WHERE indicator = 'revenue' AND month > '2025-01-01'"
    )
    connection.execute("DELETE FROM marts.kpi_months WHERE indicator = 'active_customers'")
    connection.execute("UPDATE marts.kpi_months SET value = NULL WHERE indicator = 'repeat_purchase_rate'")
    connection.execute(
        "UPDATE marts.customer_scores SET lifetime_value = NULL, reason_1 = NULL, reason_2 = NULL"
    )
    connection.close()
    odd = Words("en")
    render(gather(home, AS_OF), odd)

    wrong_date = Words("en")
    connection = duck.connect(home.current_db, home.tmp_dir)
    connection.execute("UPDATE marts.customer_scores SET as_of_date = DATE '2025-10-31'")
    connection.execute("UPDATE marts.kpi_months SET value = NULL WHERE indicator = 'revenue'")
    connection.close()
    render(gather(home, AS_OF), wrong_date)

    used = set().union(*(case["used"] for case in cases.values()), odd.used, wrong_date.used)
    used.add("page.all_reports")
    assert set(load_texts("en")) - used == set()


def test_report_writes_pages_latest_and_index_and_is_repeatable(home):
    publish_by_hand(home, first_month=date(2025, 8, 31))
    summary = report(home, AS_OF)
    names = {file.name for file in home.reports_dir.iterdir()}
    assert names == {
        "2025-11-30.en.html",
        "2025-11-30.zh.html",
        "latest.en.html",
        "latest.zh.html",
        "index.html",
    }
    assert {Path(file).name for file in summary["files"]} == names
    assert json.loads(json.dumps(summary))["headline"]["customers"] == 436
    before = {file.name: file.read_bytes() for file in home.reports_dir.iterdir()}
    report(home, AS_OF)
    assert {file.name: file.read_bytes() for file in home.reports_dir.iterdir()} == before

    # An older month reported later does not become the latest.
    older = date(2025, 10, 31)
    publish_by_hand(home, as_of=older, first_month=date(2025, 8, 31))
    report(home, older)
    for language in LANGUAGES:
        latest = (home.reports_dir / f"latest.{language}.html").read_bytes()
        assert latest == before[f"2025-11-30.{language}.html"]
    index = (home.reports_dir / "index.html").read_text(encoding="utf-8")
    assert index.index("2025-11-30.en.html") < index.index("2025-10-31.en.html")


def test_a_company_name_is_text_and_not_markup(home):
    publish_by_hand(home, is_empty=True, has_scores=False, has_model=False)
    Company("<script>alert(1)</script>", landing=".").save(home)
    page = render(gather(home, AS_OF), Words("en"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_nothing_published_or_another_date_is_refused(home):
    with pytest.raises(BadInput, match="nothing is published"):
        report(home, AS_OF)
    publish_by_hand(home, is_empty=True, has_scores=False, has_model=False)
    with pytest.raises(BadInput, match="built for 2025-11-30, not for 2025-10-31"):
        report(home, date(2025, 10, 31))
    assert not home.reports_dir.exists()
