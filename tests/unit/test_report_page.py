"""The report's pages: what they say, what they never say, and that a rerun leaves the same bytes."""

import html
import json
import re
import string
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.report import report
from roundtrip.report.facts import QUERIES, QUERIES_DIR, gather
from roundtrip.report.page import render
from roundtrip.report.steps import WORDS_FOR, Step
from roundtrip.report.words import LANGUAGES, Words, load_texts
from roundtrip.rollout import follow_plan
from roundtrip.rollout.kpis import QUERIES as PLAN_QUERIES
from roundtrip.rollout.kpis import QUERIES_DIR as PLAN_QUERIES_DIR
from tests.report_fixture import AS_OF, publish_by_hand
from tests.rollout_fixture import write_effects

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
        "all_tables": True,
        "has_actions": False,
        "first_month": date(2025, 8, 31),
        "plan_starts_on": "2026-01-01",
        "model_status": "too_little_data",
    },
    "one month": {"first_month": AS_OF, "plan_starts_on": "2025-09-15", "model_status": "refused"},
    "no month yet": {"is_empty": True, "has_model": False, "plan_starts_on": "2024-01-01"},
}


#: What treated customers did beyond those held out: outcome → effect with its interval.
HELD_OUT = {
    "return": (0.021, 0.008, 0.034),
    "satisfaction": (0.12, -0.02, 0.26),
    "revenue": (35.5, 12.0, 59.0),
    "margin": (4.4, 1.5, 7.3),
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> dict[str, dict]:
    """Each case's home, facts, pages by language and texts used."""
    found = {}
    for name, settings in CASES.items():
        home = Home(tmp_path_factory.mktemp("case"))
        publish_by_hand(home, **settings)
        if name == "everything":
            write_effects(home, AS_OF, **HELD_OUT)
        elif name == "nothing optional":
            write_effects(home, AS_OF, "all", **HELD_OUT)
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

    def rate(months):
        left = sum(8 - i // 8 + (4 if (i % 12) + 1 in (1, 2, 11) else 0) for i in months)
        return left / sum(300 + 6 * i for i in months)

    kpi = next(kpi for _, kpi in facts.rollout.shown_kpis if kpi.indicator == "churn_rate")
    # May to July 2025 is the assessment, August to November the implementation so far.
    assert (kpi.phase, kpi.months_measured) == ("implementation", 4)
    assert kpi.baseline == pytest.approx(rate(range(28, 31)))
    assert kpi.actual == pytest.approx(rate(range(31, 35)))
    in_these_months = kpi.baseline * rate(range(19, 23)) / rate(range(16, 19))
    assert facts.churn_band == pytest.approx((in_these_months * 0.8, in_these_months * 0.9))
    assert "var(--band)" in cases["everything"]["pages"]["en"].split("<main>")[1]
    assert "var(--band)" not in cases["no prices, no start"]["pages"]["en"].split("<main>")[1]


def test_the_plan_section_says_what_the_tables_say(cases):
    """The report and rollout_{kpis,tasks,risks} never disagree: same status, same sentence, same number."""
    home = cases["everything"]["home"]
    follow_plan(home, AS_OF)
    kpis, tasks, risks, resources = (
        pd.read_parquet(home.products_dir / table / f"{AS_OF}.parquet")
        for table in ("rollout_kpis", "rollout_tasks", "rollout_risks", "rollout_resources")
    )
    for language in LANGUAGES:
        page, words = cases["everything"]["pages"][language], Words(language)
        shown = html.unescape(page)
        for row in kpis[kpis["phase"] == "implementation"].itertuples():
            assert getattr(row, f"status_reason_{language}") in shown
        for table, column, group in (
            (tasks, "status", "task_status"),
            (risks, "state", "risk_state"),
            (kpis, "status", "target_status"),
        ):
            for state, rows in table.groupby(column):
                label = words(f"{group}.{state}")
                marked = re.findall(rf'<span class="status {state}">{re.escape(label)}</span>', page)
                assert len(marked) >= len(rows), (group, state)
        for table, column in ((tasks, "evidence"), (risks, "state_reason"), (resources, "spent_reason")):
            for sentence in table[f"{column}_{language}"]:
                assert sentence in shown
    assert "+2.1 percentage points (+0.8 to +3.4)" in cases["everything"]["pages"]["en"]
    assert "触达客户 90 天内回购比例 +2.1 个百分点（+0.8 至 +3.4）" in cases["everything"]["pages"]["zh"]


def test_why_the_model_is_in_force_is_told_in_the_language_of_the_page(cases):
    said = {"en": "Beats the inactivity rule on every", "zh": "在每个留出的月份都优于不活跃规则"}
    for language, page in cases["everything"]["pages"].items():
        assert [words in page for words in said.values()] == [language == of for of in said]


def test_the_appendix_shows_the_sql_that_ran(cases):
    facts, page = cases["everything"]["facts"], cases["everything"]["pages"]["en"]
    shown = [html.unescape(sql) for sql in re.findall(r"(?s)<pre[^>]*><code>(.*?)</code></pre>", page)]
    asked = [*QUERIES, *PLAN_QUERIES]
    assert shown == [facts.answers[name].sql for name in asked]
    files = [*QUERIES_DIR.glob("*.sql"), *PLAN_QUERIES_DIR.glob("*.sql")]
    assert {file.stem for file in files} == set(asked), "a query that nobody asks"
    home = cases["everything"]["home"]
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    for sql, name in zip(shown, asked, strict=True):
        again = connection.execute(sql, facts.answers[name].parameters or None).fetchall()
        assert [tuple(row.values()) for row in facts.answers[name].rows] == again
    connection.close()


def test_customers_appear_in_the_top_table_with_their_reasons(cases):
    page = cases["everything"]["pages"]
    assert len(re.findall(r'class="id" data-label="Customer"', page["en"])) == 20
    assert "A complaint in the last year is unresolved" in page["en"]
    assert "近一年有未解决的投诉" in page["zh"]
    assert "近一年有未解决的投诉" not in page["en"]


def test_warnings_rounds_and_effects_are_those_of_the_tables(cases):
    english, chinese = (_visible(cases["everything"]["pages"][language]) for language in LANGUAGES)
    # Twenty of thirty warnings are open; of each round's hundred customers twenty are held out.
    assert "20 customers, by the cause that is suspected." in english
    assert re.search(r"R-2025-01-30\s+sent\s+80\s+20\s+CNY 960\s+CNY 3\.20k", english)
    # A discount brings five points more back, three to seven; of content nothing is shown.
    assert re.search(r"discount\s+\+5\.0\s+\+3\.0 to \+7\.0\s+800 / 200\s+more come back", english)
    assert re.search(r"upgrade\s.*?fewer come back", english)
    assert "未结预警" in chinese
    empty = _visible(cases["four months, plan ahead"]["pages"]["en"])
    assert "nobody is warned about at the moment" in empty
    assert "no round was planned yet" in empty


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


@pytest.fixture(autouse=True)
def no_browser(monkeypatch):
    """These tests look at pages; PDFs take a browser and have tests of their own."""
    monkeypatch.setenv("ROUNDTRIP_CHROMIUM", "")


def every_step() -> tuple[Step, ...]:
    """A step of each rule that there are words for, with every name that it may tell."""
    rules = {key.split(".")[1] for key in load_texts("en") if key.startswith("next.")}
    values = {"round_id": "R-1", "cost": 9.0, "expected_net_value": 99.0, "day": AS_OF}
    found = []
    for rule in sorted(rules - {"title", "short", "note", "see", "nothing"}):
        group = f"{WORDS_FOR.get(rule)}."
        names = [key.removeprefix(group) for key in load_texts("en") if key.startswith(group)]
        found.append(Step(rule, "plan", 1, tuple(names), values))
    return tuple(found)


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
    facts = gather(home, AS_OF)
    told = {"action": "upgrade", "campaign_id": "all", "cost": 9, "net_value": 5, "net_value_low": 1}
    told |= {"net_value_high": 9, "n_treatment": 80, "n_control": 20}
    of_all = replace(facts.answers["money_measured"], rows=[told])
    render(replace(facts, steps=(), answers=facts.answers | {"money_measured": of_all}), odd, has_pdf=True)
    render(replace(facts, steps=every_step()), odd, is_copy=True)

    wrong_date = Words("en")
    connection = duck.connect(home.current_db, home.tmp_dir)
    connection.execute("UPDATE marts.customer_scores SET as_of_date = DATE '2025-10-31'")
    connection.execute("UPDATE marts.kpi_months SET value = NULL WHERE indicator = 'revenue'")
    connection.close()
    render(gather(home, AS_OF), wrong_date)

    used = set().union(*(case["used"] for case in cases.values()), odd.used, wrong_date.used)
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
